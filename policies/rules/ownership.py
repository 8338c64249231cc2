"""INF-CST-002: every workload says who answers for it and where its cost is booked."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.facts import WORKLOAD_TYPE
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View

REQUIRED = ("owner", "costCentre")


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource, context
    missing = [key for key in REQUIRED if not (view.text(key) or "").strip()]
    if missing:
        yield fail(f"states no {' and no '.join(missing)}")


RULE = ResourceRule(
    id="INF-CST-002",
    title="Workloads have an owner and a cost centre",
    severity=Severity.MEDIUM,
    rationale=(
        "GPU bills without a name on them are nobody's to reduce, and alerts without an owner wake nobody."
    ),
    remediation="Set owner and costCentre in the workload file.",
    url="https://docs.aws.amazon.com/whitepapers/latest/tagging-best-practices/tagging-best-practices.html",
    tags=("finops", "tags"),
    frameworks=("FinOps: allocation",),
    types=(WORKLOAD_TYPE,),
    check=check,
)
