"""INF-GPU-005: servers finish what they began before they are killed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from inferstack.policy.servers import SERVER_TYPES, GpuContainer, gpu_containers, service_of
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View

SPOT_NOTICE_S: Final = 120
DEFAULT_GRACE_S: Final = 30


def pre_stop_s(container: GpuContainer) -> Decimal:
    """Seconds the container sleeps before it is told to stop."""
    return container.view.view("lifecycle").view("preStop").view("sleep").number("seconds") or Decimal(0)


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    service = service_of(context, resource)
    spot = service is not None and service.text("purchase") == "spot"
    for container in gpu_containers(resource, view):
        if not container.view.views("ports"):
            continue  # answers nobody: a rank behind a leader
        stated = container.pod.number("terminationGracePeriodSeconds")
        grace = Decimal(DEFAULT_GRACE_S) if stated is None else stated
        drain = container.whole("--shutdown-timeout", 0)
        needed = pre_stop_s(container) + drain
        if drain == 0:
            yield fail(f"container {container.name} aborts requests in flight (no --shutdown-timeout)")
        elif grace < needed:
            yield fail(f"container {container.name} drains for {needed} s and is killed after {grace} s")
        if spot and grace > SPOT_NOTICE_S:
            yield fail(f"may take {grace} s to stop; spot capacity is gone after {SPOT_NOTICE_S} s")


RULE = ResourceRule(
    id="INF-GPU-005",
    title="Servers drain before they stop",
    severity=Severity.MEDIUM,
    rationale=(
        "vLLM aborts requests in flight at once unless told otherwise, and Kubernetes kills it after the "
        "grace period whatever it is told: users then see every rollout and every lost spot node."
    ),
    remediation=(
        "Set --shutdown-timeout, and terminationGracePeriodSeconds of at least that plus the preStop sleep "
        "(120 s at most on spot)."
    ),
    url="https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
    tags=("gpu", "lifecycle"),
    types=SERVER_TYPES,
    check=check,
)
