"""INF-RES-006: private images come from registries in allowed regions."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.about import required_environment
from inferstack.policy.places import allowed, host_regions, outside
from inferstack.policy.pods import POD_TYPES, all_containers
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    residency = required_environment(context, resource).residency
    if not residency:
        yield not_applicable("the environment states no residency")
        return
    for container in all_containers(resource.type, view):
        reference = container.required_text("image")
        for region in host_regions(reference.partition("/")[0]):
            if not allowed(region, residency, context.knowledge):
                yield fail(f"image of {container.text('name')} comes from {outside(region, residency)}")


RULE = ResourceRule(
    id="INF-RES-006",
    title="Image registries are in allowed regions",
    severity=Severity.MEDIUM,
    rationale=(
        "Private images can hold weights and fine-tuned adapters; a pull from abroad also fails with "
        "the region."
    ),
    remediation="Replicate the repository into a region inside data.residency and set registry to it.",
    url="https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html",
    tags=("data", "region", "image"),
    types=POD_TYPES,
    check=check,
)
