"""INF-GPU-010: pods mount nothing from their node."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.pods import POD_TYPES, pod_specs
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del context
    for pod in pod_specs(resource.type, view):
        for volume in pod.views("volumes"):
            if volume.view("hostPath").names():
                path = volume.view("hostPath").text("path")
                yield fail(f"volume {volume.text('name')} is a path of the node ({path})")


RULE = ResourceRule(
    id="INF-GPU-010",
    title="Pods mount nothing from their node",
    severity=Severity.HIGH,
    rationale=(
        "A model cache on the node's disk looks fast and is none of it: another pod's files, a root volume "
        "that fills up, and a way out of the container."
    ),
    remediation="Use emptyDir (on NVMe with instance storage), a volume claim, or load from S3.",
    url="https://kubernetes.io/docs/concepts/storage/volumes/#hostpath",
    tags=("gpu", "pod", "storage"),
    frameworks=("CIS Kubernetes 5.2", "Pod Security Standards: baseline"),
    types=tuple(kind for kind in POD_TYPES if not kind.endswith(":DaemonSet")),
    check=check,
)
