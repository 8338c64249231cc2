"""What all model servers share: their namespace and their priority."""

from __future__ import annotations

from typing import Any, Final

from components import kube

NAMESPACE: Final = "llm-serving"
PRIORITY: Final = "inferstack-serving"


def namespace(*, privileged: bool) -> dict[str, Any]:
    """Restricted, unless groups of nodes need IPC_LOCK for EFA or pods a directory of their node.

    Violations are reported even then.
    """
    standard = "pod-security.kubernetes.io"
    level = "privileged" if privileged else "restricted"
    labels = {f"{standard}/enforce": level, f"{standard}/warn": "restricted"}
    return kube.manifest("v1", "Namespace", kube.Metadata(name=NAMESPACE, labels=labels))


def priority() -> dict[str, Any]:
    """Serving pods are scheduled before batch work and may preempt it."""
    return kube.manifest(
        "scheduling.k8s.io/v1",
        "PriorityClass",
        kube.Metadata(name=PRIORITY),
        value=100_000,
        globalDefault=False,
        description="Model servers with a service level",
    )
