"""Pods and containers inside the Kubernetes resources of a stack, whatever kind wraps them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from inferstack.view import Undecided, View

POD_TYPES: Final = (
    "kubernetes:core/v1:Pod",
    "kubernetes:apps/v1:Deployment",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:apps/v1:DaemonSet",
    "kubernetes:batch/v1:Job",
    "kubernetes:batch/v1:CronJob",
    "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet",
)
_TEMPLATES: Final = {
    "kubernetes:core/v1:Pod": (("spec",),),
    "kubernetes:batch/v1:CronJob": (("spec", "jobTemplate", "spec", "template", "spec"),),
    "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet": (
        ("spec", "leaderWorkerTemplate", "leaderTemplate", "spec"),
        ("spec", "leaderWorkerTemplate", "workerTemplate", "spec"),
    ),
}
_TEMPLATE: Final = (("spec", "template", "spec"),)
_IMAGE: Final = re.compile(
    r"(?P<name>[^@\s]+?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>\w+:[0-9a-fA-F]{32,}))?"
)


def pod_specs(resource_type: str, inputs: View) -> Iterator[View]:
    """Every pod spec in a workload resource; a leader template may be absent."""
    for path in _TEMPLATES.get(resource_type, _TEMPLATE):
        view = inputs
        for step in path:
            view = view.view(step)
        if view.names():
            yield view


def containers(pod: View) -> tuple[View, ...]:
    """Init containers first, as they run."""
    return (*pod.views("initContainers"), *pod.views("containers"))


def all_containers(resource_type: str, inputs: View) -> Iterator[View]:
    for pod in pod_specs(resource_type, inputs):
        yield from containers(pod)


@dataclass(frozen=True, slots=True)
class Image:
    """``registry/path:tag@digest`` taken apart."""

    name: str
    tag: str | None
    digest: str | None

    @property
    def repository(self) -> str:
        """The last part of the name: ``vllm-openai``."""
        return self.name.rpartition("/")[2]


def image(reference: str) -> Image:
    """The parts of an image reference; a port in the registry is not a tag. Undecided when it is none."""
    match = _IMAGE.fullmatch(reference)
    if match is None:
        raise Undecided(f"{reference!r} is not an image reference")
    return Image(match["name"], match["tag"], match["digest"])
