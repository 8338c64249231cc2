"""A place on GPU nodes where compiled kernels outlive the pod that compiled them.

A server compiles for a minute or two, then captures graphs; its next pod on the node finds the result. Nodes
hold pods of one workload only, so nobody else reads it. Model servers are not root and may make no directory
on the host: a daemon makes it, with the image that the node pulls anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from components import kube
from components.pod_security import VLLM_UID, hardened_container

if TYPE_CHECKING:
    from components.pins import Image

NAME: Final = "node-cache"
PATH: Final = "/mnt/k8s-disks/0/inferstack-cache"
"""On the local NVMe disks where a node has them (nodeadm mounts them there), else on its root volume."""
MAKE: Final = f"install -d -o {VLLM_UID} -g 0 -m 0770 /cache"


def volume() -> dict[str, Any]:
    """The pod waits until the directory is there."""
    return {"name": "cache", "hostPath": {"path": PATH, "type": "Directory"}}


def daemon(namespace: str, image: Image) -> dict[str, Any]:
    """Makes the directory once a node, then sleeps as an ordinary user."""
    labels = {kube.LABEL_APP: NAME}
    metadata = kube.Metadata(
        name=NAME, namespace=namespace, labels=labels, annotations={kube.SKIP_AWAIT_ANNOTATION: "true"}
    )
    spec = {
        "selector": {"matchLabels": labels},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}},
        "template": {"metadata": {"labels": labels}, "spec": _pod(image)},
    }
    return kube.manifest("apps/v1", "DaemonSet", metadata, spec=spec)


def _pod(image: Image) -> dict[str, Any]:
    small = {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "32Mi"}}
    base: dict[str, Any] = {"image": image.reference, "resources": small}
    make = {
        "name": "make",
        **base,
        "command": ["/bin/sh", "-c", MAKE],
        "securityContext": {
            **hardened_container(added_capabilities=("CHOWN", "FOWNER")),
            "runAsNonRoot": False,
            "runAsUser": 0,
        },
        "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
    }
    keep = {
        "name": "keep",
        **base,
        "command": ["/bin/sh", "-c", "exec sleep infinity"],
        "securityContext": {**hardened_container(), "runAsUser": VLLM_UID},
    }
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "nodeSelector": dict(kube.GPU_NODES),
        "tolerations": list(kube.GPU_TOLERATIONS),
        "terminationGracePeriodSeconds": 1,
        "initContainers": [make],
        "containers": [keep],
        "volumes": [{"name": "cache", "hostPath": {"path": PATH, "type": "DirectoryOrCreate"}}],
    }
