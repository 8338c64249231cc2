"""INF-GPU-003: a server's host memory is reserved in full and bounded."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.servers import SERVER_TYPES, amount, gpu_containers
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del context
    for container in gpu_containers(resource, view):
        request, limit = amount(container.requests, "memory"), amount(container.limits, "memory")
        if limit is None:
            yield fail(f"container {container.name} has no memory limit")
        elif request is not None and request != limit:
            yield fail(f"container {container.name} requests less memory than it may use")


RULE = ResourceRule(
    id="INF-GPU-003",
    title="Servers reserve the host memory they may use",
    severity=Severity.MEDIUM,
    rationale=(
        "Loading weights fills host memory: a server that was promised less than it takes is killed, or has "
        "its neighbours killed, and each restart costs the whole load."
    ),
    remediation="Set requests.memory equal to limits.memory.",
    url="https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/",
    tags=("gpu", "pod"),
    types=SERVER_TYPES,
    check=check,
)
