"""All rules of an environment: a group per workload, one each for GPUs, gateway and the monitoring itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.rules import Group
from components.rules_cost import cost_rules
from components.rules_failures import failure_rules
from components.rules_platform import gateway_rules, gpu_rules, monitoring_rules
from components.rules_rollout import rollout_rules
from components.rules_router import router_rules
from components.rules_slo import slo_rules

if TYPE_CHECKING:
    from components.watch import Watched


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What of an environment there is to watch."""

    workloads: Sequence[Watched]
    retention_days: int
    gateway: bool
    collector: bool = False
    """Requests are sampled by a trace collector."""
    managed: bool = False
    """Rules are judged in a managed workspace, those of the chart in the cluster."""


def rule_groups(scope: Scope) -> tuple[Group, ...]:
    groups = [_workload(watched, scope.retention_days) for watched in scope.workloads]
    groups.append(Group(name="gpus", rules=tuple(gpu_rules())))
    if scope.gateway:
        groups.append(Group(name="gateway", rules=tuple(gateway_rules())))
    groups.append(
        Group(
            name="monitoring", rules=tuple(monitoring_rules(collector=scope.collector, managed=scope.managed))
        )
    )
    return tuple(groups)


def _workload(watched: Watched, retention_days: int) -> Group:
    labels = {"workload": watched.label, "owner": watched.facts.owner or ""}
    rules = (
        *slo_rules(watched, retention_days),
        *failure_rules(watched),
        *cost_rules(watched),
        *rollout_rules(watched),
        *router_rules(watched),
    )
    return Group(name=watched.name, rules=rules, labels=labels)
