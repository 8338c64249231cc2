"""kind: a cluster in a container, and one vLLM on its CPU as a Deployment."""

from __future__ import annotations

from typing import Any, Final

from inferstack.errors import InputError, Problem
from inferstack.local.text import head, yaml_text
from inferstack.local.types import PORT, LocalFile, LocalModel

CLUSTER: Final = "inferstack"
NAMESPACE: Final = "llm-serving"
NODE_PORT: Final = 30080
TOKEN: Final = "hugging-face"  # noqa: S105 - a name, not a secret
UID: Final = 2000
CPU_CACHE_GIB: Final = 4
LIMIT_GIB: Final = 24
"""What a laptop can give; more memory than it has is for the user to see, not for the scheduler."""


def kind_files(model: LocalModel) -> tuple[LocalFile, ...]:
    """InputError with GPUs: kind's nodes have none."""
    if model.gpus:
        raise InputError(
            Problem(message="kind's nodes have no GPU", path="--gpus", accepted="0, or --target compose")
        )
    secret = f"kubectl -n {NAMESPACE} create secret generic {TOKEN} --from-literal=token=$HF_TOKEN"
    commands = (
        f"kind create cluster --name {CLUSTER} --config kind-cluster.yaml",
        "kubectl apply -f manifests.yaml",
        *((f"{secret}   (the Hub asks for a token)",) if model.gated else ()),
        f"kubectl -n {NAMESPACE} rollout status deployment/{_name(model)} --timeout 60m",
        f"curl http://127.0.0.1:{PORT}/v1/models",
    )
    manifests = [_namespace(), _deployment(model), _service(model)]
    return (
        LocalFile(name="kind-cluster.yaml", text=yaml_text([_cluster()], ["A cluster of one node."])),
        LocalFile(name="manifests.yaml", text=yaml_text(manifests, head(model, *commands))),
    )


def _cluster() -> dict[str, Any]:
    port = {
        "containerPort": NODE_PORT,
        "hostPort": PORT,
        "listenAddress": "127.0.0.1",
        "protocol": "TCP",
    }
    node = {"role": "control-plane", "extraPortMappings": [port]}
    return {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [node]}


def _name(model: LocalModel) -> str:
    return f"model-{model.workload}"


def _labels(model: LocalModel) -> dict[str, str]:
    return {"app.kubernetes.io/name": "vllm", "inferstack.dev/workload": model.workload}


def _metadata(model: LocalModel) -> dict[str, Any]:
    return {"name": _name(model), "namespace": NAMESPACE, "labels": _labels(model)}


def _namespace() -> dict[str, Any]:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def _service(model: LocalModel) -> dict[str, Any]:
    port = {"name": "http", "port": PORT, "targetPort": "http", "nodePort": NODE_PORT, "protocol": "TCP"}
    spec = {"type": "NodePort", "selector": _labels(model), "ports": [port]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(model), "spec": spec}


def _deployment(model: LocalModel) -> dict[str, Any]:
    spec = {
        "replicas": 1,
        # one laptop holds one copy of the weights
        "strategy": {"type": "Recreate"},
        "progressDeadlineSeconds": 4200,
        "selector": {"matchLabels": _labels(model)},
        "template": {"metadata": {"labels": _labels(model)}, "spec": _pod(model)},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(model), "spec": spec}


def _pod(model: LocalModel) -> dict[str, Any]:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": UID,
            "runAsGroup": 0,
            "fsGroup": 0,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(model)],
        "volumes": [
            {"name": "cache", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
        ],
    }


def _container(model: LocalModel) -> dict[str, Any]:
    check = {"httpGet": {"path": "/health", "port": "http"}, "timeoutSeconds": 5}
    return {
        "name": "vllm",
        "image": model.image,
        "args": list(model.arguments),
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "env": _environment(model),
        "resources": {
            "requests": {"cpu": "1", "memory": "2Gi"},
            "limits": {"memory": f"{LIMIT_GIB}Gi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        # the first start downloads the weights
        "startupProbe": {**check, "periodSeconds": 10, "failureThreshold": 360},
        "readinessProbe": {**check, "periodSeconds": 5, "failureThreshold": 3},
        "livenessProbe": {**check, "periodSeconds": 10, "failureThreshold": 12},
        "volumeMounts": [
            {"name": "cache", "mountPath": "/cache"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - inside the container
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - inside the container
        ],
    }


def _environment(model: LocalModel) -> list[dict[str, Any]]:
    plain = {
        "DO_NOT_TRACK": "1",
        "HF_HOME": "/cache/huggingface",
        "HOME": "/cache",
        "VLLM_CACHE_ROOT": "/cache/vllm",
        "VLLM_CPU_KVCACHE_SPACE": str(CPU_CACHE_GIB),
        "VLLM_NO_USAGE_STATS": "1",
        "XDG_CACHE_HOME": "/cache/xdg",
    }
    values: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in plain.items()]
    if model.gated:
        token = {"secretKeyRef": {"name": TOKEN, "key": "token"}}
        values.append({"name": "HF_TOKEN", "valueFrom": token})
    return values
