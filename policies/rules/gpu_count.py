"""INF-GPU-009: a server has exactly the GPUs its parallelism uses."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.policy.servers import GPU, SERVER_TYPES, GpuContainer, amount, gpu_containers, service_of
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View

ALIASES = {"--tensor-parallel-size": "-tp", "--pipeline-parallel-size": "-pp"}
LOCAL = ("--data-parallel-size-local", "-dpl")


def world_size(container: GpuContainer) -> int:
    """GPUs of all ranks that the arguments start: tensor by pipeline by (local) data parallel."""
    ranks = LOCAL if counts_locally(container) else ("--data-parallel-size", "-dp")
    size = 1
    for name, short in (*ALIASES.items(), ranks):
        size *= container.whole(short if container.argument(name) is None else name, 1)
    return size


def counts_locally(container: GpuContainer) -> bool:
    """The arguments say how many of the ranks this node has."""
    return any(container.argument(name) is not None for name in LOCAL)


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    service = service_of(context, resource)
    nodes = service.number("nodesPerReplica") if service is not None else None
    for container in gpu_containers(resource, view):
        if not container.view.views("ports"):
            continue  # a rank behind a leader takes its shape from there
        gpus, used = amount(container.limits, GPU), world_size(container)
        if gpus is None:
            continue  # devices by claim
        over = Decimal(1) if counts_locally(container) else nodes or Decimal(1)
        if gpus * over != used:
            yield fail(
                f"container {container.name} starts {used} ranks on {gpus * over} GPUs"
                + (f" of {over} nodes" if over > 1 else "")
            )


RULE = ResourceRule(
    id="INF-GPU-009",
    title="Parallelism uses the GPUs that were asked for",
    severity=Severity.HIGH,
    rationale=(
        "With fewer GPUs than ranks the engine does not start; with more, GPUs are paid for and idle."
    ),
    remediation=(
        "Make the product of tensor, pipeline and data parallel size equal to the GPUs of the pod (or group)."
    ),
    url="https://docs.vllm.ai/en/latest/serving/parallelism_scaling.html",
    tags=("gpu", "vllm"),
    types=SERVER_TYPES,
    check=check,
)
