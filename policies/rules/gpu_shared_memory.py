"""INF-GPU-002: servers over several GPUs have shared memory, bounded by what the container may use."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.servers import GPU, SERVER_TYPES, GpuContainer, amount, gpu_containers
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View

PLACE = "/dev/shm"  # noqa: S108 - inside the container


def shared_memory(container: GpuContainer) -> View | None:
    """The memory-backed volume mounted at ``/dev/shm``."""
    mounted = {
        mount.text("name")
        for mount in container.view.views("volumeMounts")
        if mount.text("mountPath") == PLACE
    }
    for volume in container.pod.views("volumes"):
        if volume.text("name") in mounted and volume.view("emptyDir").text("medium") == "Memory":
            return volume.view("emptyDir")
    return None


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del context
    for container in gpu_containers(resource, view):
        if (amount(container.limits, GPU) or 0) < 2:
            continue
        volume = shared_memory(container)
        if volume is None:
            yield fail(f"container {container.name} has several GPUs and no memory volume at {PLACE}")
            continue
        size, memory = amount(volume, "sizeLimit"), amount(container.limits, "memory")
        if size is None:
            yield fail(f"the memory volume at {PLACE} of container {container.name} has no sizeLimit")
        elif memory is not None and size >= memory:
            yield fail(f"{PLACE} of container {container.name} may take all of its memory limit")


RULE = ResourceRule(
    id="INF-GPU-002",
    title="Servers over several GPUs have shared memory",
    severity=Severity.HIGH,
    rationale=(
        "Ranks on one node exchange data through /dev/shm; the container default of 64 MiB crashes NCCL "
        "under load, and what is written there counts as the container's memory."
    ),
    remediation="Mount an emptyDir with medium: Memory and a sizeLimit below the memory limit at /dev/shm.",
    url="https://docs.vllm.ai/en/latest/serving/parallelism_scaling.html",
    tags=("gpu", "vllm"),
    types=SERVER_TYPES,
    check=check,
)
