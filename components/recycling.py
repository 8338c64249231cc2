"""Restarts a server's replicas one after another on a schedule: what leaks or fragments starts afresh.

A rollout that changes nothing but a date: it waits for each new replica, drains the old one, and needs no GPU
that is not there. Only ``get`` and ``patch`` of the one Deployment are allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from components import kube, naming
from components.pod_security import hardened_container, hardened_pod
from components.serving import NAMESPACE

if TYPE_CHECKING:
    from components.pins import Image
    from components.vllm_pod import ServerSpec

APP: Final = "recycler"
UID: Final = 65532
SCHEDULES: Final = {"6h": "17 */6 * * *", "12h": "17 3,15 * * *", "1d": "17 3 * * *", "7d": "17 3 * * 0"}
"""UTC; off the full hour, when everybody's jobs start."""


@dataclass(frozen=True, kw_only=True)
class Recycling:
    every: str
    image: Image


def objects(spec: ServerSpec, recycling: Recycling) -> tuple[dict[str, Any], ...]:
    """Identity, rights and schedule, in the order in which they must exist."""
    metadata = _metadata(spec)
    subject = {"kind": "ServiceAccount", "name": metadata.name, "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": metadata.name}
    rule = {
        "apiGroups": ["apps"],
        "resources": ["deployments"],
        "resourceNames": [spec.name],
        "verbs": ["get", "patch"],
    }
    rbac = "rbac.authorization.k8s.io/v1"
    return (
        kube.manifest("v1", "ServiceAccount", metadata, automountServiceAccountToken=False),
        kube.manifest(rbac, "Role", metadata, rules=[rule]),
        kube.manifest(rbac, "RoleBinding", metadata, roleRef=role, subjects=[subject]),
        kube.manifest("batch/v1", "CronJob", metadata, spec=_schedule(spec, recycling)),
    )


def _metadata(spec: ServerSpec) -> kube.Metadata:
    labels = {
        kube.LABEL_APP: APP,
        kube.LABEL_WORKLOAD: naming.label_value(spec.plan.workload),
    }
    # a CronJob's name leaves eleven characters for its jobs
    return kube.Metadata(name=naming.kubernetes(spec.name, APP, limit=52), namespace=NAMESPACE, labels=labels)


def _schedule(spec: ServerSpec, recycling: Recycling) -> dict[str, Any]:
    return {
        "schedule": SCHEDULES[recycling.every],
        "timeZone": "Etc/UTC",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 1800,
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {
            "spec": {
                "backoffLimit": 2,
                "activeDeadlineSeconds": 300,
                "template": {
                    "metadata": {"labels": dict(_metadata(spec).labels)},
                    "spec": _pod(spec, recycling),
                },
            }
        },
    }


def _pod(spec: ServerSpec, recycling: Recycling) -> dict[str, Any]:
    container = {
        "name": "kubectl",
        "image": recycling.image.reference,
        "args": ["--namespace", NAMESPACE, "rollout", "restart", f"deployment/{spec.name}"],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": hardened_container(),
    }
    return {
        **hardened_pod(_metadata(spec).name, uid=UID, gid=UID),
        # the one pod here that talks to the API server
        "automountServiceAccountToken": True,
        "restartPolicy": "Never",
        "nodeSelector": {"inferstack.dev/pool": "system"},
        "containers": [container],
    }
