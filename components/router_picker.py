"""Manifests of the endpoint picker: llm-d's, its rights, the pool of replicas among which it chooses.

Two pickers stand side by side, and each learns from its own choices which prefixes are where. All proxies
ask the first and turn to the second when it is not well (priorities in their configuration). The release's
own way, a lease, leaves the standby unready for ever: a Deployment of two never completes, and a disruption
budget of one cannot take the leader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from components import kube
from components.pod_security import hardened_container, hardened_pod
from components.router_config import PICKER_PORT
from components.router_names import LABEL_ROUTES
from components.router_spec import UID, UNAWAITED, namespace, pods, port
from components.serving import NAMESPACE
from components.vllm_args import PORT

if TYPE_CHECKING:
    from components.router_spec import RouterSpec

HEALTH_PORT: Final = 9003
METRICS_PORT: Final = 9090
REFRESH: Final = "100ms"
"""Between two looks at a replica; the release's 50 ms are 40 scrapes a second by two pickers."""
LEAVE_S: Final = 10
"""A picker that stops is asked no more: its name is gone from DNS, which proxies read every 5 s."""
GRACE_S: Final = 30
MEMORY_MIB: Final = 1024
PRIVATE_CIDRS: Final = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
"""Where an API server's address lies; a picker sees prompts and has no business outside."""
FOLDER: Final = "/config"
GROUP: Final = "inference.networking.k8s.io"


def beside(spec: RouterSpec) -> tuple[dict[str, Any], ...]:
    """What is there before the pods."""
    part = spec.picker
    return (
        part.service_account(),
        *_rights(spec),
        part.config_map(),
        part.service("grpc", PICKER_PORT),
        part.service("grpc", PICKER_PORT, name=spec.names.pickers, headless=True),
        part.disruption_budget(),
        network_policy(spec),
        inference_pool(spec),
    )


def inference_pool(spec: RouterSpec) -> dict[str, Any]:
    """The replicas, and who chooses among them, in the words of the Gateway API inference extension."""
    body = {
        "targetPorts": [{"number": PORT}],
        "selector": {"matchLabels": dict(spec.pool_labels)},
        "endpointPickerRef": {
            "kind": "Service",
            "name": spec.names.picker,
            "port": {"number": PICKER_PORT},
            "failureMode": "FailOpen",
        },
    }
    metadata = kube.Metadata(
        name=spec.names.pool,
        namespace=NAMESPACE,
        labels={LABEL_ROUTES: spec.picker.labels[LABEL_ROUTES]},
        annotations=UNAWAITED,
    )
    return kube.manifest(f"{GROUP}/v1", "InferencePool", metadata, spec=body)


def _rights(spec: RouterSpec) -> tuple[dict[str, Any], ...]:
    """To see pods of the namespace and one pool; nothing is written."""
    part, rbac, look = spec.picker, "rbac.authorization.k8s.io", ["get", "list", "watch"]
    rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": look},
        {
            "apiGroups": [GROUP],
            "resources": ["inferencepools"],
            "resourceNames": [spec.names.pool],
            "verbs": look,
        },
    ]
    role = {"apiGroup": rbac, "kind": "Role", "name": part.name}
    subject = {"kind": "ServiceAccount", "name": part.name, "namespace": NAMESPACE}
    return (
        kube.manifest(f"{rbac}/v1", "Role", part.metadata(), rules=rules),
        kube.manifest(f"{rbac}/v1", "RoleBinding", part.metadata(), roleRef=role, subjects=[subject]),
    )


def network_policy(spec: RouterSpec) -> dict[str, Any]:
    """In: the proxies, and who reads metrics. Out: names, the replicas, the API server."""
    ingress: list[dict[str, Any]] = [{"from": [pods(spec.proxy.labels)], "ports": port(PICKER_PORT)}]
    if spec.monitoring is not None:
        ingress.append({"from": [namespace(spec.monitoring)], "ports": port(METRICS_PORT)})
    inside = [{"ipBlock": {"cidr": cidr}} for cidr in PRIVATE_CIDRS]
    egress = [{"to": [pods(spec.pool_labels)], "ports": port(PORT)}, {"to": inside, "ports": port(443)}]
    return spec.picker.network_policy(ingress, egress)


def stateful_set(spec: RouterSpec) -> dict[str, Any]:
    """Pods with names, so that proxies can prefer one."""
    part = spec.picker
    body = {
        "replicas": spec.replicas,
        "revisionHistoryLimit": 3,
        "serviceName": spec.names.pickers,
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": dict(part.labels)},
        "template": {"metadata": {"labels": dict(part.labels)}, "spec": _pod(spec)},
    }
    return kube.manifest("apps/v1", "StatefulSet", part.metadata(), spec=body)


def arguments(spec: RouterSpec) -> list[str]:
    return [
        f"--pool-name={spec.names.pool}",
        f"--pool-namespace={NAMESPACE}",
        f"--config-file={FOLDER}/{spec.picker.file}",
        f"--grpc-port={PICKER_PORT}",
        f"--grpc-health-port={HEALTH_PORT}",
        f"--metrics-port={METRICS_PORT}",
        f"--refresh-metrics-interval={REFRESH}",
        # the proxies' own health checks, on the port they call
        "--health-checking=true",
        # the network policy says who reads metrics: no token reviews, so no rights in the whole cluster
        "--metrics-endpoint-auth=false",
        "--enable-pprof=false",
        "--tracing=false",
        "--zap-encoder=json",
    ]


def _pod(spec: RouterSpec) -> dict[str, Any]:
    part = spec.picker
    healthy = {"grpc": {"port": HEALTH_PORT, "service": "inference-extension"}, "timeoutSeconds": 2}
    memory = {"memory": f"{MEMORY_MIB}Mi"}
    container = {
        "name": "picker",
        "image": spec.picker_image.reference,
        "args": arguments(spec),
        "ports": [
            {"name": "grpc", "containerPort": PICKER_PORT, "protocol": "TCP"},
            {"name": "grpc-health", "containerPort": HEALTH_PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"},
        ],
        "env": [{"name": "GOMEMLIMIT", "value": f"{MEMORY_MIB * 3 // 4}MiB"}],
        "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": memory},
        "securityContext": hardened_container(),
        "startupProbe": {**healthy, "periodSeconds": 2, "failureThreshold": 60},
        "readinessProbe": {**healthy, "periodSeconds": 2, "failureThreshold": 2},
        "livenessProbe": {**healthy, "periodSeconds": 10, "failureThreshold": 6},
        "lifecycle": {"preStop": {"sleep": {"seconds": LEAVE_S}}},
        "volumeMounts": [{"name": "config", "mountPath": FOLDER, "readOnly": True}],
    }
    return {
        **hardened_pod(part.name, uid=UID, gid=UID),
        # it watches the pool and its pods
        "automountServiceAccountToken": True,
        "terminationGracePeriodSeconds": GRACE_S,
        "nodeSelector": {"inferstack.dev/pool": "system"},
        "topologySpreadConstraints": part.spread(),
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": part.config_name}}],
    }
