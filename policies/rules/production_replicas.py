"""INF-REL-001: production workloads keep at least two replicas."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.facts import WORKLOAD_TYPE
from inferstack.policy.about import required_environment
from inferstack.policy.types import (
    Context,
    ResourceRule,
    Severity,
    Verdict,
    fail,
    indeterminate,
    not_applicable,
)
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    if not required_environment(context, resource).production:
        yield not_applicable("the environment is not production")
        return
    replicas = view.number("minReplicas")
    if replicas is None:
        yield indeterminate("minReplicas is not stated")
    elif replicas < 2:
        yield fail(f"runs with {replicas} replica at least: one lost node is an outage")


RULE = ResourceRule(
    id="INF-REL-001",
    title="Production has at least two replicas",
    severity=Severity.HIGH,
    rationale=(
        "A node repair, a spot notice or a rollout takes one replica away; a new one needs minutes to load."
    ),
    remediation="Set capacity.replicas.min: 2 or more.",
    url="https://docs.aws.amazon.com/eks/latest/best-practices/reliability.html",
    tags=("availability",),
    frameworks=("SOC2 A1.2",),
    types=(WORKLOAD_TYPE,),
    check=check,
)
