"""Pods that ask for GPUs, as the GPU-serving rules look at them: devices, arguments, times, quantities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from inferstack.facts import WORKLOAD_TYPE
from inferstack.policy.pods import containers, pod_specs
from inferstack.policy.types import Context
from inferstack.resources import Resource
from inferstack.view import Undecided, View

GPU: Final = "nvidia.com/gpu"
SERVER_TYPES: Final = (
    "kubernetes:apps/v1:Deployment",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet",
)
"""What keeps servers running; a Job that uses a GPU once is not one."""
_QUANTITY: Final = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>m|[kMGTPE]i?|)")
_UNITS: Final[dict[str, int]] = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "P": 10**15,
    "E": 10**18,
} | {f"{prefix}i": 1024**power for power, prefix in enumerate("KMGTPE", start=1)}


@dataclass(frozen=True)
class GpuContainer:
    """A container with devices, and the pod around it."""

    pod: View
    view: View

    @property
    def name(self) -> str:
        return self.view.text("name") or "without a name"

    @property
    def limits(self) -> View:
        return self.view.view("resources").view("limits")

    @property
    def requests(self) -> View:
        return self.view.view("resources").view("requests")

    @property
    def arguments(self) -> tuple[str, ...]:
        return self.view.texts("args")

    def argument(self, name: str) -> str | None:
        """The value that follows ``name`` or stands behind ``name=``; the last one counts."""
        found = None
        arguments = self.arguments
        for position, word in enumerate(arguments):
            if word == name and position + 1 < len(arguments):
                found = arguments[position + 1]
            elif word.startswith(f"{name}="):
                found = word.partition("=")[2]
        return found

    def whole(self, name: str, default: int) -> int:
        """An argument that counts something."""
        text = self.argument(name)
        if text is None:
            return default
        if not text.isdigit():
            raise Undecided(f"{name} of container {self.name} is not a whole number")
        return int(text)


def gpu_pods(resource: Resource, view: View) -> Iterator[View]:
    """Pods in which some container has GPUs."""
    for pod in pod_specs(resource.type, view):
        if any(has_gpus(container) for container in containers(pod)):
            yield pod


def gpu_containers(resource: Resource, view: View) -> Iterator[GpuContainer]:
    for pod in pod_specs(resource.type, view):
        for container in containers(pod):
            if has_gpus(container):
                yield GpuContainer(pod, container)


def has_gpus(container: View) -> bool:
    """By count, or by a device claim."""
    resources = container.view("resources")
    counted = (resources.view(key).text(GPU) for key in ("limits", "requests"))
    return bool(resources.views("claims")) or any(count is not None for count in counted)


def service_of(context: Context, resource: Resource) -> View | None:
    """What the serving component above a resource says; None: it belongs to none."""
    for candidate in context.resources.ancestors(resource):
        if candidate.type == WORKLOAD_TYPE:
            return View(candidate.inputs)
    return None


def amount(view: View, key: str) -> Decimal | None:
    """A Kubernetes quantity in its base unit (bytes, cores, devices); None: not stated."""
    text = view.text(key)
    if text is None:
        return None
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise Undecided(f"{view.path}.{key} is not a quantity")
    if match["unit"] == "m":
        return Decimal(match["number"]) / 1000
    return Decimal(match["number"]) * _UNITS[match["unit"]]
