"""INF-RES-002: a resource's own region, which overrides its provider's, is allowed too."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.about import required_environment
from inferstack.policy.places import allowed, outside
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    if not view.has("region"):
        yield not_applicable("it has no region of its own")
        return
    residency = required_environment(context, resource).residency
    region = view.required_text("region")
    if not allowed(region, residency, context.knowledge):
        yield fail(f"region {outside(region, residency)}")


RULE = ResourceRule(
    id="INF-RES-002",
    title="Resources with a region of their own stay in allowed regions",
    severity=Severity.CRITICAL,
    rationale=(
        "Since version 7 of the AWS provider almost every resource takes a region that bypasses the "
        "provider's."
    ),
    remediation="Remove the region, or move the resource into a region inside data.residency.",
    url="https://www.pulumi.com/registry/packages/aws/how-to-guides/7-0-migration/",
    tags=("data", "region"),
    frameworks=("GDPR Art. 44",),
    types=("aws:*", "inferstack:*"),
    check=check,
)
