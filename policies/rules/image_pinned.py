"""INF-SEC-007: images and charts are pinned to a version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inferstack.policy.pods import POD_TYPES, all_containers, image
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View

CHARTS: Final = (
    "kubernetes:helm.sh/v3:Release",
    "kubernetes:helm.sh/v3:Chart",
    "kubernetes:helm.sh/v4:Chart",
)
MOVING: Final = frozenset({"latest", "main", "master", "nightly", "edge", "stable", "dev"})


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del context
    if resource.type in CHARTS:
        version = view.text("version")
        if not version:
            yield fail(f"chart {view.text('chart')} has no version")
        return
    for container in all_containers(resource.type, view):
        reference = container.required_text("image")
        parts = image(reference)
        if parts.digest is None and (parts.tag is None or parts.tag in MOVING):
            yield fail(f"container {container.text('name')} runs {reference}, a name that can move")


RULE = ResourceRule(
    id="INF-SEC-007",
    title="Images and charts are pinned",
    severity=Severity.HIGH,
    rationale="A moving tag runs whatever was pushed last, on the next node start and without a review.",
    remediation="Use a version tag, better a digest; give every chart a version.",
    url="https://kubernetes.io/docs/concepts/containers/images/",
    tags=("image", "supply-chain"),
    frameworks=("SLSA", "CIS Kubernetes 5.5.1"),
    types=(*POD_TYPES, *CHARTS),
    check=check,
)
