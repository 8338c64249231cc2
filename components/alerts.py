"""Alert rules from each workload's service levels and the ways serving fails."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from components import kube, naming, serving
from inferstack.render import render_yaml

if TYPE_CHECKING:
    from components.facts import WorkloadFacts

LATENCY_BUDGET: Final = Decimal("0.05")
"""A 95th percentile lets five percent be slower."""
FAST_BURN: Final = Decimal("14.4")
"""Two percent of a month's budget in an hour."""
SLOW_BURN: Final = Decimal(6)
"""Five percent of a month's budget in six hours."""
ERROR_FLOOR: Final = Decimal("0.01")
QUEUE_PER_REPLICA: Final = 25
MONITORED_NAMESPACE: Final = serving.NAMESPACE


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One latency objective: its histogram, the bound in seconds, and how many may miss it."""

    alert: str
    metric: str
    family: str
    bound_s: Decimal
    label: str

    @property
    def bound(self) -> str:
        """``le`` as Prometheus writes it: ``1.0``, ``0.06``."""
        return repr(float(self.bound_s))


def objectives(facts: WorkloadFacts) -> tuple[Objective, ...]:
    """The latency objectives a workload states."""
    slo = facts.slo
    stated = (
        ("ModelTtft", "time_to_first_token_seconds", "time_to_first_token", slo.ttft_p95_ms, "first token"),
        ("ModelItl", "inter_token_latency_seconds", "inter_token_latency", slo.itl_p95_ms, "between tokens"),
        ("ModelE2e", "e2e_request_latency_seconds", "request_latency", slo.e2e_p95_ms, "whole request"),
    )
    return tuple(
        Objective(
            alert=alert,
            metric=metric,
            family=family,
            bound_s=bound_ms / 1000,
            label=f"the objective of {bound_ms:f} ms ({what})",
        )
        for alert, metric, family, bound_ms, what in stated
        if bound_ms is not None
    )


def alert_rules(workloads: tuple[WorkloadFacts, ...]) -> dict[str, Any]:
    """The spec of a PrometheusRule."""
    values = {"workloads": [_values(facts) for facts in workloads], "namespace": MONITORED_NAMESPACE}
    rules: dict[str, Any] = render_yaml("monitoring/alerts.yaml.j2", values)
    return rules


def alert_names(rules: dict[str, Any]) -> tuple[str, ...]:
    return tuple(sorted({rule["alert"] for group in rules["groups"] for rule in group["rules"]}))


def _values(facts: WorkloadFacts) -> dict[str, Any]:
    name = naming.kubernetes("model", facts.workload, limit=52)
    label = naming.label_value(facts.workload)
    return {
        "name": facts.workload,
        "owner": facts.owner or "",
        "selector": f'namespace="{MONITORED_NAMESPACE}",workload="{label}"',
        "deployment": name if facts.nodes_per_replica == 1 else "",
        "pod_prefix": name,
        "cold_start": facts.cold_start_s,
        "queue_limit": QUEUE_PER_REPLICA * max(1, facts.replicas),
        "error_share": _text(max(ERROR_FLOOR, 10 * (1 - (facts.slo.availability or Decimal("0.999"))))),
        "objectives": [
            {
                "alert": objective.alert,
                "metric": objective.metric,
                "bound": objective.bound,
                "label": objective.label,
                "fast": _text(min(Decimal("0.9"), LATENCY_BUDGET * FAST_BURN)),
                "slow": _text(LATENCY_BUDGET * SLOW_BURN),
            }
            for objective in objectives(facts)
        ],
    }


def _text(value: Decimal) -> str:
    return format(value.normalize(), "f")


def prometheus_rule(name: str, namespace: str, rules: dict[str, Any]) -> dict[str, Any]:
    metadata = kube.Metadata(name=name, namespace=namespace)
    return kube.manifest("monitoring.coreos.com/v1", "PrometheusRule", metadata, spec=rules)
