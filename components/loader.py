"""The jobs that copy checkpoints from Hugging Face to the bucket, once each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi

from components import kube, naming
from components.pod_security import hardened_container, hardened_pod
from inferstack.render import render_text

if TYPE_CHECKING:
    from components.base import Component
    from components.pins import Image

NAMESPACE: Final = "model-loader"
SERVICE_ACCOUNT: Final = "weights-loader"
TOKEN_SECRET: Final = "hugging-face"  # noqa: S105 - a name, not a secret
TOKEN_KEY: Final = "token"  # noqa: S105 - a name, not a secret
SCRIPT: Final = "load_weights.py"
SCRATCH: Final = "/scratch"
SCRATCH_GIB: Final = 60
"""The Hub refuses files above 50 GB."""
SECONDS_PER_GIB: Final = 20
"""Download and upload of one GiB at a sober 100 MB/s each way."""
BASE_SECONDS: Final = 1800


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One revision of a repository; ``prefix`` is its place in the bucket."""

    repository: str
    revision: str | None
    gated: bool
    weights_gib: float

    @property
    def prefix(self) -> str:
        return naming.weights_prefix(self.repository, self.revision)

    @property
    def deadline_s(self) -> int:
        return BASE_SECONDS + int(self.weights_gib * SECONDS_PER_GIB)


@dataclass(frozen=True, kw_only=True)
class LoaderSettings:
    bucket: str
    region: str
    image: Image


def loader_objects(
    parent: Component,
    settings: LoaderSettings,
    checkpoints: Sequence[Checkpoint],
    *,
    token: pulumi.Input[str] | None,
    depends_on: Sequence[pulumi.Resource],
) -> dict[str, kube.KubernetesObject]:
    """Namespace, identity, network policy, script, token, and one job per checkpoint, by prefix."""
    namespace = _object(parent, "loader", namespace_document())
    shared = [
        _object(parent, "loader", document, depends_on=[namespace])
        for document in (service_account(), network_policy(), script_map())
    ]
    if token is not None:
        shared.append(_object(parent, "loader", token_secret(token), depends_on=[namespace]))
    jobs = {}
    for checkpoint in checkpoints:
        document = job(settings, checkpoint)
        # the name carries the content: a job cannot be changed, only replaced
        name = document["metadata"]["name"]
        jobs[checkpoint.prefix] = _object(parent, name, document, depends_on=[*shared, *depends_on])
    return jobs


def _object(
    parent: Component, part: str, document: kube.Document, depends_on: Sequence[pulumi.Resource] = ()
) -> kube.KubernetesObject:
    return kube.KubernetesObject(
        naming.logical(parent.name, part), document, parent.child(depends_on=depends_on)
    )


def namespace_document() -> dict[str, Any]:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return kube.manifest("v1", "Namespace", kube.Metadata(name=NAMESPACE, labels=labels))


def service_account() -> dict[str, Any]:
    metadata = kube.Metadata(name=SERVICE_ACCOUNT, namespace=NAMESPACE)
    return kube.manifest("v1", "ServiceAccount", metadata, automountServiceAccountToken=False)


def network_policy() -> dict[str, Any]:
    """Nothing in; out only name resolution and HTTPS (Hub, S3, the pod identity agent's port 80)."""
    spec = {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [
            {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
            {"ports": [{"protocol": "TCP", "port": 443}]},
            {"to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}], "ports": [{"protocol": "TCP", "port": 80}]},
        ],
    }
    metadata = kube.Metadata(name="loader", namespace=NAMESPACE)
    return kube.manifest("networking.k8s.io/v1", "NetworkPolicy", metadata, spec=spec)


def script_text() -> str:
    return render_text("model_store/load_weights.py", {})


def script_map() -> dict[str, Any]:
    metadata = kube.Metadata(name=script_name(), namespace=NAMESPACE)
    return kube.manifest("v1", "ConfigMap", metadata, immutable=True, data={SCRIPT: script_text()})


def script_name() -> str:
    return f"load-weights-{naming.content_hash(script_text())}"


def token_secret(token: pulumi.Input[str]) -> dict[str, Any]:
    metadata = kube.Metadata(name=TOKEN_SECRET, namespace=NAMESPACE)
    return kube.manifest("v1", "Secret", metadata, type="Opaque", stringData={TOKEN_KEY: token})


def job(settings: LoaderSettings, checkpoint: Checkpoint) -> dict[str, Any]:
    """A job that retries, ends by itself, and needs the token only for gated repositories."""
    spec = {
        "backoffLimit": 4,
        "activeDeadlineSeconds": checkpoint.deadline_s,
        "template": {
            "metadata": {"labels": {kube.LABEL_APP: "weights-loader"}},
            "spec": _pod(settings, checkpoint),
        },
    }
    base = naming.kubernetes("load", checkpoint.repository, limit=48)
    name = f"{base}-{naming.content_hash(json.dumps(spec, sort_keys=True))}"
    annotations = {kube.TIMEOUT_ANNOTATION: str(checkpoint.deadline_s + 300)}
    metadata = kube.Metadata(name=name, namespace=NAMESPACE, annotations=annotations)
    return kube.manifest("batch/v1", "Job", metadata, spec=spec)


def _pod(settings: LoaderSettings, checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        **hardened_pod(SERVICE_ACCOUNT),
        "restartPolicy": "Never",
        "nodeSelector": {"inferstack.dev/pool": "system"},
        "containers": [_container(settings, checkpoint)],
        "volumes": [
            {"name": "script", "configMap": {"name": script_name()}},
            {"name": "scratch", "emptyDir": {"sizeLimit": f"{SCRATCH_GIB}Gi"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "2Gi"}},
        ],
    }


def _container(settings: LoaderSettings, checkpoint: Checkpoint) -> dict[str, Any]:
    key = {"name": TOKEN_SECRET, "key": TOKEN_KEY, "optional": not checkpoint.gated}
    return {
        "name": "load",
        "image": settings.image.reference,
        "command": ["python3", f"/script/{SCRIPT}"],
        "args": [
            checkpoint.repository,
            checkpoint.revision or "main",
            settings.bucket,
            checkpoint.prefix,
            SCRATCH,
        ],
        "env": [
            {"name": "AWS_REGION", "value": settings.region},
            {"name": "HF_HUB_DISABLE_TELEMETRY", "value": "1"},
            {"name": "HF_HOME", "value": f"{SCRATCH}/hub"},
            {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": key}},
        ],
        "resources": _resources(),
        "securityContext": hardened_container(),
        "volumeMounts": [
            {"name": "script", "mountPath": "/script", "readOnly": True},
            {"name": "scratch", "mountPath": SCRATCH},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - inside the container
        ],
    }


def _resources() -> Mapping[str, Mapping[str, str]]:
    return {
        "requests": {"cpu": "1", "memory": "4Gi", "ephemeral-storage": f"{SCRATCH_GIB}Gi"},
        "limits": {"memory": "8Gi", "ephemeral-storage": f"{SCRATCH_GIB + 5}Gi"},
    }
