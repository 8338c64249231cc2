"""INF-GPU-007: a rollout neither waits for a GPU that cannot come nor takes the service down."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor

from inferstack.policy.servers import gpu_pods, service_of
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import Undecided, View


def share(text: str | None, replicas: int, *, up: bool) -> int:
    """A count, or a percentage of the replicas as the Deployment controller rounds it."""
    stated = "25%" if text is None else text
    number = stated.removesuffix("%")
    if not number.isdigit():
        raise Undecided(f"{stated} is neither a count nor a percentage")
    if not stated.endswith("%"):
        return int(number)
    exact = int(number) * replicas / 100
    return ceil(exact) if up else floor(exact)


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    if not any(gpu_pods(resource, view)):
        return
    spec, service = view.view("spec"), service_of(context, resource)
    stated = spec.number("replicas")
    if stated is None and service is not None:
        stated = service.number("replicas")  # an autoscaler owns them
    if stated is None:
        raise Undecided("the number of replicas is not stated")
    strategy, replicas = spec.view("strategy"), int(stated)
    if strategy.text("type") == "Recreate":
        if replicas > 1:
            yield fail(f"stops all {replicas} replicas before it starts new ones")
        return
    rolling = strategy.view("rollingUpdate")
    surge = share(rolling.text("maxSurge"), replicas, up=True)
    unavailable = share(rolling.text("maxUnavailable"), replicas, up=False)
    planned = service.number("surgeReplicas") if service is not None else None
    if planned is None:
        raise Undecided("the replicas a rollout may add are not stated")
    if unavailable == 0 and surge > planned:
        yield fail(f"waits for {surge} spare replica, and the plan has GPUs for {planned} during a rollout")
    if replicas > 1 and unavailable >= replicas:
        yield fail(f"may take all {replicas} replicas away at once")


RULE = ResourceRule(
    id="INF-GPU-007",
    title="Rollouts need no GPU that is not planned",
    severity=Severity.HIGH,
    rationale=(
        "The default strategy rounds to one extra replica and none unavailable: with every GPU in use the "
        "new replica waits for one that only an old replica could free, and the rollout hangs."
    ),
    remediation="Set maxSurge 0 and maxUnavailable 1; with spare capacity, capacity.surge in the workload.",
    url="https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment",
    tags=("gpu", "lifecycle"),
    types=("kubernetes:apps/v1:Deployment",),
    check=check,
)
