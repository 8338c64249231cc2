"""INF-RES-001: AWS providers act in regions that the environment's residency allows."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.about import required_environment
from inferstack.policy.places import allowed, outside
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    residency = required_environment(context, resource).residency
    if not residency:
        yield not_applicable("the environment states no residency")
        return
    region = view.required_text("region")
    if not allowed(region, residency, context.knowledge):
        yield fail(f"provider region {outside(region, residency)}")


RULE = ResourceRule(
    id="INF-RES-001",
    title="Providers act in allowed regions",
    severity=Severity.CRITICAL,
    rationale=(
        "Everything a provider creates without a region of its own, data included, lands in its region."
    ),
    remediation="Set cloud.region to a region inside data.residency.",
    url="https://gdpr-info.eu/chapter-5/",
    tags=("data", "region"),
    frameworks=("GDPR Art. 44",),
    types=("pulumi:providers:aws",),
    check=check,
)
