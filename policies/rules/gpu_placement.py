"""INF-GPU-006: pods with GPUs name their nodes, and nothing else tolerates GPU taints."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.pods import POD_TYPES, containers, pod_specs
from inferstack.policy.servers import GPU, has_gpus
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def bound(pod: View) -> bool:
    """Whether the pod says which nodes it may run on."""
    if pod.view("nodeSelector").names():
        return True
    return bool(pod.view("affinity").view("nodeAffinity").view(REQUIRED).views("nodeSelectorTerms"))


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del context
    for pod in pod_specs(resource.type, view):
        tolerated = [toleration.text("key") for toleration in pod.views("tolerations")]
        devices = any(has_gpus(container) for container in containers(pod))
        if None in tolerated or "" in tolerated:
            yield fail("tolerates every taint, so it may run on nodes that are kept for others")
        if devices and not bound(pod):
            yield fail("asks for GPUs of any node: a nodeSelector keeps it on the type it was sized for")
        if devices and GPU not in tolerated:
            yield fail(f"asks for GPUs and does not tolerate the taint {GPU} of their nodes")
        if not devices and GPU in tolerated:
            yield fail("may run on GPU nodes and uses none of their GPUs")


RULE = ResourceRule(
    id="INF-GPU-006",
    title="GPU nodes are for the pods that were sized for them",
    severity=Severity.MEDIUM,
    rationale=(
        "A server on another GPU type runs out of memory or misses its latency; a pod without GPUs on a GPU "
        "node keeps an expensive machine alive."
    ),
    remediation="Select nodes by label, tolerate nvidia.com/gpu in pods that use GPUs, and only there.",
    url="https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/",
    tags=("gpu", "scheduling"),
    types=tuple(kind for kind in POD_TYPES if not kind.endswith(":DaemonSet")),
    check=check,
)
