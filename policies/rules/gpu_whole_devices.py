"""INF-GPU-001: GPUs are asked for whole, and the limit says how many."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.pods import POD_TYPES
from inferstack.policy.servers import GPU, amount, gpu_containers
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del context
    for container in gpu_containers(resource, view):
        limit, request = amount(container.limits, GPU), amount(container.requests, GPU)
        if limit is None and request is None:
            continue  # devices by claim
        if limit is None:
            yield fail(f"container {container.name} requests {GPU} without a limit")
        elif limit < 1 or limit != int(limit):
            yield fail(f"container {container.name} asks for {limit.normalize():f} of a GPU")
        elif request is not None and request != limit:
            yield fail(f"container {container.name} requests {request} GPUs and limits them to {limit}")


RULE = ResourceRule(
    id="INF-GPU-001",
    title="GPUs are asked for whole",
    severity=Severity.HIGH,
    rationale=(
        "Devices are counted, not shared: the API server refuses a request that is not the limit, and a "
        "fraction never schedules."
    ),
    remediation="State the same whole number of nvidia.com/gpu under limits and, if at all, requests.",
    url="https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/",
    tags=("gpu", "pod"),
    types=POD_TYPES,
    check=check,
)
