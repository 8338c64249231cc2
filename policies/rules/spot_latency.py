"""INF-REL-002: production workloads with a latency promise do not stand on spot alone."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.facts import WORKLOAD_TYPE
from inferstack.policy.about import required_environment
from inferstack.policy.types import Context, Level, ResourceRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource
from inferstack.view import View

LATENCIES = ("ttftP95Ms", "itlP95Ms", "e2eP95Ms")


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    if not required_environment(context, resource).production:
        yield not_applicable("the environment is not production")
        return
    promised = [key for key in LATENCIES if view.view("slo").number(key) is not None]
    if view.required_text("purchase") == "spot" and promised:
        yield fail(f"promises {', '.join(promised)} on spot capacity, taken back at two minutes' notice")


RULE = ResourceRule(
    id="INF-REL-002",
    title="Latency promises do not stand on spot",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    rationale=(
        "Large GPU types are reclaimed often, several at once, and loading a model takes longer than "
        "the notice."
    ),
    remediation="Use on-demand or reserved capacity for the replicas that carry the promise.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-best-practices.html",
    tags=("availability", "spot"),
    types=(WORKLOAD_TYPE,),
    check=check,
)
