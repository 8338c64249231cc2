"""Manifests of the router's proxy: Envoy, its address and who may reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components import gateway_names, kube
from components.gateway_times import MARGIN_S
from components.pod_security import hardened_container, hardened_pod
from components.router_config import HEALTH_PORT, PICKER_PORT, leave_s
from components.router_spec import UID, namespace, pods, port
from components.vllm_args import PORT

if TYPE_CHECKING:
    from components.router_spec import RouterSpec

FOLDER = "/etc/envoy"


def beside(spec: RouterSpec) -> tuple[dict[str, Any], ...]:
    """What is there before the pods."""
    part = spec.proxy
    return (
        part.service_account(),
        part.config_map(),
        part.service("http", PORT),
        part.disruption_budget(),
        network_policy(spec),
    )


def network_policy(spec: RouterSpec) -> dict[str, Any]:
    """In: LiteLLM, and who reads metrics. Out: names, the picker, the replicas."""
    gateway = {**namespace(gateway_names.NAMESPACE), **pods(gateway_names.LABELS)}
    ingress: list[dict[str, Any]] = [{"from": [gateway], "ports": port(PORT)}]
    if spec.monitoring is not None:
        ingress.append({"from": [namespace(spec.monitoring)], "ports": port(HEALTH_PORT)})
    egress = [
        {"to": [pods(spec.pool_labels)], "ports": port(PORT)},
        {"to": [pods(spec.picker.labels)], "ports": port(PICKER_PORT)},
    ]
    return spec.proxy.network_policy(ingress, egress)


def deployment(spec: RouterSpec) -> dict[str, Any]:
    part = spec.proxy
    body = {
        "replicas": spec.replicas,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": dict(part.labels)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": {"labels": dict(part.labels)}, "spec": _pod(spec)},
    }
    return kube.manifest("apps/v1", "Deployment", part.metadata(), spec=body)


def _pod(spec: RouterSpec) -> dict[str, Any]:
    part, leave = spec.proxy, leave_s(spec.times)
    ready = {"httpGet": {"path": "/ready", "port": "health"}, "timeoutSeconds": 2}
    container = {
        "name": "envoy",
        "image": spec.proxy_image.reference,
        "command": ["/usr/local/bin/envoy"],
        "args": [
            "-c", f"{FOLDER}/{part.file}", "--concurrency", "2",
            "--log-level", "warning", "--disable-hot-restart",
        ],
        "ports": [
            {"name": "http", "containerPort": PORT, "protocol": "TCP"},
            {"name": "health", "containerPort": HEALTH_PORT, "protocol": "TCP"},
        ],
        "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": hardened_container(),
        "startupProbe": {**ready, "periodSeconds": 2, "failureThreshold": 30},
        "readinessProbe": {**ready, "periodSeconds": 5},
        "livenessProbe": {**ready, "periodSeconds": 10, "failureThreshold": 6},
        # told to end, Envoy ends at once: by then its callers' connections are over
        "lifecycle": {"preStop": {"sleep": {"seconds": leave}}},
        "volumeMounts": [{"name": "config", "mountPath": FOLDER, "readOnly": True}],
    }  # fmt: skip
    return {
        **hardened_pod(part.name, uid=UID, gid=UID),
        "terminationGracePeriodSeconds": leave + MARGIN_S,
        "nodeSelector": {"inferstack.dev/pool": "system"},
        "topologySpreadConstraints": part.spread(),
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": part.config_name}}],
    }
