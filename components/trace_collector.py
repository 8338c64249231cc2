"""Collects sampled requests of the model servers and sends them on, without what users wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from components import kube, naming, serving
from components.pod_security import hardened_container, hardened_pod
from components.prometheus import NAMESPACE, SYSTEM_POOL

if TYPE_CHECKING:
    from components.pins import Image

APP: Final = "otel-collector"
GRPC_PORT: Final = 4317
METRICS_PORT: Final = 8888
HEALTH_PORT: Final = 13133
UID: Final = 10001
"""User of the official image."""
CONFIG: Final = "otlp-exporter.yaml"
LABELS: Final = {kube.LABEL_APP: APP}
ENDPOINT: Final = f"http://{APP}.{NAMESPACE}.svc:{GRPC_PORT}"
PROMPTS: Final = (
    r"(^|[._])(prompts?|completions?|content|messages?|input|output|body|text|instructions)($|[.])"
)
"""Attributes that carry what was written. Counts (``gen_ai.usage.prompt_tokens``) do not match and stay."""
XRAY_ACTIONS: Final = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
AGENT_CIDR: Final = "169.254.170.23/32"


@dataclass(frozen=True, kw_only=True)
class TraceSpec:
    """``endpoint`` None: AWS X-Ray of the region."""

    image: Image
    region: str
    replicas: int
    endpoint: str | None
    prompts: bool

    @property
    def destination(self) -> str:
        return self.endpoint or f"https://xray.{self.region}.amazonaws.com"

    @property
    def config_text(self) -> str:
        return yaml.safe_dump(configuration(self), sort_keys=False, width=110)

    @property
    def config_name(self) -> str:
        """Changes with the content, so that a new configuration rolls the pods."""
        return f"{APP}-{naming.content_hash(self.config_text)}"


def configuration(spec: TraceSpec) -> dict[str, Any]:
    exporter = "otlphttp" if spec.endpoint else "awsxray"
    settings: dict[str, Any] = {"endpoint": spec.destination}
    if not spec.endpoint:
        settings["region"] = spec.region
    kept = [] if spec.prompts else ["transform/prompts"]
    metrics = {"readers": [{"pull": {"exporter": {"prometheus": {"host": "0.0.0.0", "port": METRICS_PORT}}}}]}  # noqa: S104 - inside the pod
    return {
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"0.0.0.0:{GRPC_PORT}"}}}},
        "processors": {
            "memory_limiter": {"check_interval": "1s", "limit_percentage": 80, "spike_limit_percentage": 20},
            **({} if spec.prompts else {"transform/prompts": _without_prompts()}),
            "batch": {"timeout": "5s"},
        },
        "exporters": {exporter: settings},
        "extensions": {"health_check": {"endpoint": f"0.0.0.0:{HEALTH_PORT}"}},
        "service": {
            "extensions": ["health_check"],
            "telemetry": {"metrics": metrics},
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": ["memory_limiter", *kept, "batch"],
                    "exporters": [exporter],
                }
            },
        },
    }


def _without_prompts() -> dict[str, Any]:
    """A span that cannot be cleaned is an error, and an error drops the batch: nothing leaves by accident."""
    # OTTL reads a string as Go does
    pattern = PROMPTS.replace("\\", "\\\\")
    statements = [
        {"context": context, "statements": [f'delete_matching_keys({context}.attributes, "{pattern}")']}
        for context in ("span", "spanevent")
    ]
    return {"error_mode": "propagate", "trace_statements": statements}


def _metadata(name: str) -> kube.Metadata:
    return kube.Metadata(name=name, namespace=NAMESPACE, labels=LABELS)


def documents(spec: TraceSpec) -> list[dict[str, Any]]:
    """All but the Deployment, which needs them."""
    ports = [{"name": "otlp", "port": GRPC_PORT, "targetPort": "otlp", "protocol": "TCP"}]
    service = kube.Metadata(
        name=APP, namespace=NAMESPACE, labels=LABELS, annotations={kube.SKIP_AWAIT_ANNOTATION: "true"}
    )
    return [
        kube.manifest("v1", "ServiceAccount", _metadata(APP), automountServiceAccountToken=False),
        kube.manifest(
            "v1", "ConfigMap", _metadata(spec.config_name), immutable=True, data={CONFIG: spec.config_text}
        ),
        kube.manifest(
            "v1", "Service", service, spec={"type": "ClusterIP", "selector": LABELS, "ports": ports}
        ),
        network_policy(),
        kube.manifest(
            "policy/v1",
            "PodDisruptionBudget",
            _metadata(APP),
            spec={"maxUnavailable": 1, "selector": {"matchLabels": LABELS}},
        ),
    ]


def network_policy() -> dict[str, Any]:
    """In: spans of model servers, Prometheus. Out: names, HTTPS, credentials."""

    def of(namespace: str, port: int) -> dict[str, Any]:
        origin = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
        return {"from": [origin], "ports": [{"protocol": "TCP", "port": port}]}

    body = {
        "podSelector": {"matchLabels": LABELS},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [of(serving.NAMESPACE, GRPC_PORT), of(NAMESPACE, METRICS_PORT)],
        "egress": [
            {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
            {"ports": [{"protocol": "TCP", "port": 443}]},
            {"to": [{"ipBlock": {"cidr": AGENT_CIDR}}], "ports": [{"protocol": "TCP", "port": 80}]},
        ],
    }
    return kube.manifest("networking.k8s.io/v1", "NetworkPolicy", _metadata(APP), spec=body)


def deployment(spec: TraceSpec) -> dict[str, Any]:
    body = {
        "replicas": spec.replicas,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": LABELS},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": {"labels": LABELS}, "spec": _pod(spec)},
    }
    return kube.manifest("apps/v1", "Deployment", _metadata(APP), spec=body)


def _pod(spec: TraceSpec) -> dict[str, Any]:
    health = {"httpGet": {"path": "/", "port": HEALTH_PORT}}
    container = {
        "name": APP,
        "image": spec.image.reference,
        "args": [f"--config=/etc/otel/{CONFIG}"],
        "env": [{"name": "AWS_REGION", "value": spec.region}],
        "ports": [
            {"name": "otlp", "containerPort": GRPC_PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"},
        ],
        "readinessProbe": health,
        "livenessProbe": {**health, "failureThreshold": 6},
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": hardened_container(),
        "volumeMounts": [{"name": "config", "mountPath": "/etc/otel", "readOnly": True}],
    }
    return {
        **hardened_pod(APP, uid=UID, gid=UID),
        "nodeSelector": dict(SYSTEM_POOL),
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": spec.config_name}}],
    }
