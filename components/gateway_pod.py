"""Manifests of the gateway: LiteLLM, its configuration, its address and who may reach it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi
import yaml

from components import (
    gateway_cache,
    gateway_database,
    gateway_names,
    kube,
    naming,
    serving,
    vllm_args,
    vllm_pod,
)
from components.gateway_config import CONFIG, GUARD
from components.gateway_times import PROBE_S, PROPAGATION_S, GatewayTimes
from components.pod_security import hardened_container, hardened_pod
from components.routes import API_KEYS

if TYPE_CHECKING:
    from components.pins import Image

NAMESPACE: Final = gateway_names.NAMESPACE
APP: Final = gateway_names.APP
PORT: Final = gateway_names.PORT
UID: Final = 65534
"""User ``nobody`` of the non-root image."""
MASTER_SECRET: Final = gateway_names.MASTER_SECRET
PROVIDER_SECRET: Final = gateway_names.PROVIDER_SECRET
LABELS: Final = gateway_names.LABELS
FOLDER: Final = "/etc/litellm"
START_S: Final = 180
MIGRATION_S: Final = 1200
"""LiteLLM migrates for 600 s at most, after another pod's 600 s; one that is cut off needs a person."""
PROGRESS_S: Final = 120
"""What scheduling and the image take, beside the start."""
ALIVE: Final = "/health/liveliness"
READY: Final = "/health/readiness"
"""With a database it answers 503 while that is away, from all pods at once."""


@dataclass(frozen=True, kw_only=True)
class GatewaySpec:
    image: Image
    region: str
    replicas: int
    auth: str
    config: Mapping[str, Any]
    guard: str
    times: GatewayTimes
    providers: tuple[str, ...]
    host: str
    scheme: str
    vpc_cidr: str
    database: str = "none"
    """``rds``, ``in-cluster`` or ``none``."""
    database_verified: bool = False
    """The database's certificate has to be one of the known authority."""
    cache: str = "none"
    """``in-cluster``, ``elasticache`` or ``none``."""

    @property
    def health_path(self) -> str:
        """A pod serves keys that it remembers when its database is away: it is not to be taken out."""
        return READY if self.database == "none" else ALIVE

    @property
    def start_s(self) -> int:
        return START_S + (MIGRATION_S if self.database != "none" else 0)

    @property
    def config_text(self) -> str:
        return yaml.safe_dump(dict(self.config), sort_keys=False, width=110)

    @property
    def config_name(self) -> str:
        """Changes with the content, so that a new configuration rolls the pods."""
        return f"litellm-{naming.content_hash(self.config_text + self.guard)}"


def _metadata(name: str, annotations: Mapping[str, Any] | None = None) -> kube.Metadata:
    return kube.Metadata(name=name, namespace=NAMESPACE, labels=LABELS, annotations=annotations or {})


def namespace() -> dict[str, Any]:
    """Pods become ready for the load balancer before a rollout goes on."""
    labels = {
        "pod-security.kubernetes.io/enforce": "restricted",
        "elbv2.k8s.aws/pod-readiness-gate-inject": "enabled",
    }
    return kube.manifest("v1", "Namespace", kube.Metadata(name=NAMESPACE, labels=labels))


def service_account() -> dict[str, Any]:
    return kube.manifest("v1", "ServiceAccount", _metadata(APP), automountServiceAccountToken=False)


def config_map(spec: GatewaySpec) -> dict[str, Any]:
    metadata = _metadata(spec.config_name)
    data = {CONFIG: spec.config_text, GUARD: spec.guard}
    return kube.manifest("v1", "ConfigMap", metadata, immutable=True, data=data)


def secret(name: str, values: Mapping[str, pulumi.Input[str]]) -> dict[str, Any]:
    return kube.manifest("v1", "Secret", _metadata(name), type="Opaque", stringData=dict(values))


def service() -> dict[str, Any]:
    ports = [{"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP"}]
    metadata = _metadata(APP, {kube.SKIP_AWAIT_ANNOTATION: "true"})
    return kube.manifest(
        "v1", "Service", metadata, spec={"type": "ClusterIP", "selector": LABELS, "ports": ports}
    )


def disruption_budget() -> dict[str, Any]:
    body = {"maxUnavailable": 1, "selector": {"matchLabels": LABELS}}
    return kube.manifest("policy/v1", "PodDisruptionBudget", _metadata(APP), spec=body)


def network_policy(spec: GatewaySpec) -> dict[str, Any]:
    """In: the load balancer (addresses of the VPC). Out: models, names; HTTPS only for external backends."""
    models = {"matchLabels": {"kubernetes.io/metadata.name": serving.NAMESPACE}}
    egress: list[dict[str, Any]] = [
        {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
        {"to": [{"namespaceSelector": models}], "ports": [{"protocol": "TCP", "port": vllm_args.PORT}]},
    ]
    if spec.database != "none":
        egress.append(_to(spec, spec.database, gateway_database.SERVER.labels, gateway_database.PORT))
    if spec.cache != "none":
        egress.append(_to(spec, spec.cache, gateway_cache.SERVER.labels, gateway_cache.PORT))
    if spec.providers:
        egress.append({"ports": [{"protocol": "TCP", "port": 443}]})
        agent = {"ipBlock": {"cidr": vllm_pod.AGENT_CIDR}}
        egress.append({"to": [agent], "ports": [{"protocol": "TCP", "port": 80}]})
    body = {
        "podSelector": {"matchLabels": LABELS},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {"from": [{"ipBlock": {"cidr": spec.vpc_cidr}}], "ports": [{"protocol": "TCP", "port": PORT}]}
        ],
        "egress": egress,
    }
    return kube.manifest("networking.k8s.io/v1", "NetworkPolicy", _metadata(APP), spec=body)


def _to(spec: GatewaySpec, kind: str, labels: Mapping[str, str], port: int) -> dict[str, Any]:
    """The pod in the cluster, or Amazon's service in the VPC."""
    pod = {"podSelector": {"matchLabels": dict(labels)}}
    target = pod if kind == "in-cluster" else {"ipBlock": {"cidr": spec.vpc_cidr}}
    return {"to": [target], "ports": [{"protocol": "TCP", "port": port}]}


def deployment(spec: GatewaySpec) -> dict[str, Any]:
    body: dict[str, Any] = {
        "replicas": spec.replicas,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": LABELS},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": {"labels": LABELS}, "spec": _pod(spec)},
    }
    if spec.database != "none":
        body["progressDeadlineSeconds"] = spec.start_s + PROGRESS_S
    return kube.manifest("apps/v1", "Deployment", _metadata(APP), spec=body)


def _pod(spec: GatewaySpec) -> dict[str, Any]:
    return {
        **hardened_pod(APP, uid=UID, gid=UID),
        "terminationGracePeriodSeconds": spec.times.grace_s,
        "nodeSelector": {"inferstack.dev/pool": "system"},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": LABELS},
            }
        ],
        "containers": [_container(spec)],
        "volumes": [
            {"name": "config", "configMap": {"name": spec.config_name}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
            *([_authority_volume()] if spec.database_verified else []),
        ],
    }


def _authority_volume() -> dict[str, Any]:
    key = gateway_database.AUTHORITY
    return {
        "name": "database",
        "configMap": {"name": gateway_names.DATABASE_CONFIG, "items": [{"key": key, "path": key}]},
    }


def _mounts(spec: GatewaySpec) -> list[dict[str, Any]]:
    folders = {
        "config": FOLDER,
        **({"database": gateway_database.AUTHORITY_FOLDER} if spec.database_verified else {}),
    }
    readable = [{"name": name, "mountPath": path, "readOnly": True} for name, path in folders.items()]
    return [*readable, {"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - inside the container


def _container(spec: GatewaySpec) -> dict[str, Any]:
    def probe(path: str, **settings: int) -> dict[str, Any]:
        return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": 5, **settings}

    return {
        "name": "litellm",
        "image": spec.image.reference,
        "args": ["--config", f"{FOLDER}/{CONFIG}", "--port", str(PORT), "--num_workers", "1"],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "env": _environment(spec),
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
        "securityContext": hardened_container(),
        "startupProbe": probe(ALIVE, periodSeconds=5, failureThreshold=spec.start_s // 5),
        "readinessProbe": probe(spec.health_path, periodSeconds=5, failureThreshold=3),
        "livenessProbe": probe(ALIVE, periodSeconds=10, failureThreshold=6),
        # the load balancer stops sending before the server stops listening
        "lifecycle": {"preStop": {"sleep": {"seconds": PROPAGATION_S}}},
        "volumeMounts": _mounts(spec),
    }


def _environment(spec: GatewaySpec) -> list[dict[str, Any]]:
    plain = {
        # idle connections to model servers are dropped before those drop them
        "AIOHTTP_KEEPALIVE_TIMEOUT": str(spec.times.client_keep_alive_s),
        # long answers of external backends outlive a NAT gateway's memory of an idle connection
        "AIOHTTP_SO_KEEPALIVE": "True",
        "AIOHTTP_TCP_KEEPIDLE": str(PROBE_S),
        "AWS_REGION": spec.region,
        "DISABLE_ADMIN_UI": "True",
        "HOME": "/tmp",  # noqa: S108 - inside the container
        "KEEPALIVE_TIMEOUT": str(spec.times.server_keep_alive_s),
        # prices are compiled in: the default fetches them from GitHub at start
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MODE": "PRODUCTION",
        "XDG_CACHE_HOME": "/tmp/cache",  # noqa: S108 - inside the container
    }
    values: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in sorted(plain.items())]
    if spec.auth == "keys":
        values.append(_from_secret("LITELLM_MASTER_KEY", MASTER_SECRET))
    if spec.database != "none":
        values += _database_environment(spec)
    if spec.cache != "none":
        values += [_from_config(name, gateway_names.CACHE_CONFIG) for name in ("VALKEY_HOST", "VALKEY_PORT")]
    keys = [API_KEYS[provider] for provider in spec.providers if provider in API_KEYS]
    return values + [_from_secret(key, PROVIDER_SECRET) for key in keys]


def _database_environment(spec: GatewaySpec) -> list[dict[str, Any]]:
    """LiteLLM makes its URL of these, and migrates the schema before it serves, one pod after the other."""
    names = ["DATABASE_HOST", "DATABASE_NAME", "DATABASE_SSLMODE", "DATABASE_USERNAME"]
    if spec.database_verified:
        names.append("DATABASE_SSLROOTCERT")
    address = [_from_config(name, gateway_names.DATABASE_CONFIG) for name in names]
    password = _from_secret("DATABASE_PASSWORD", gateway_names.DATABASE_SECRET)
    plain = {
        # Prisma's program would ask its makers for news each time
        "CHECKPOINT_DISABLE": "1",
        # where the root file system is read-only
        "LITELLM_MIGRATION_DIR": "/tmp/migrations",  # noqa: S108 - inside the container
    }
    return [*address, password, *({"name": name, "value": value} for name, value in plain.items())]


def _from_config(variable: str, name: str) -> dict[str, Any]:
    return {"name": variable, "valueFrom": {"configMapKeyRef": {"name": name, "key": variable}}}


def _from_secret(variable: str, name: str) -> dict[str, Any]:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": variable}}}


def ingress(
    spec: GatewaySpec,
    *,
    certificate_arn: pulumi.Input[str] | None,
    web_acl_arn: pulumi.Input[str] | None,
    tags: Mapping[str, str],
    subnet_ids: Sequence[str] = (),
) -> dict[str, Any]:
    """An Application Load Balancer with IP targets; HTTPS unless the environment says otherwise."""
    prefix = "alb.ingress.kubernetes.io"
    attributes = {
        "idle_timeout.timeout_seconds": str(spec.times.balancer_idle_s),
        "routing.http.drop_invalid_header_fields.enabled": "true",
    }
    targets = {
        "deregistration_delay.timeout_seconds": str(spec.times.deregistration_s),
        "load_balancing.algorithm.type": "least_outstanding_requests",
    }
    listen = '[{"HTTPS":443}]' if certificate_arn is not None else '[{"HTTP":80}]'
    annotations: dict[str, Any] = {
        f"{prefix}/scheme": spec.scheme,
        f"{prefix}/target-type": "ip",
        f"{prefix}/listen-ports": listen,
        f"{prefix}/healthcheck-path": spec.health_path,
        f"{prefix}/load-balancer-attributes": _pairs(attributes),
        f"{prefix}/target-group-attributes": _pairs(targets),
        f"{prefix}/tags": _pairs(tags),
    }
    if certificate_arn is not None:
        annotations[f"{prefix}/certificate-arn"] = certificate_arn
        annotations[f"{prefix}/ssl-policy"] = "ELBSecurityPolicy-TLS13-1-2-2021-06"
    if subnet_ids:
        annotations[f"{prefix}/subnets"] = ",".join(subnet_ids)
    if web_acl_arn is not None:
        annotations[f"{prefix}/wafv2-acl-arn"] = web_acl_arn
    backend = {"service": {"name": APP, "port": {"name": "http"}}}
    paths = [{"path": path, "pathType": "Prefix", "backend": backend} for path in PUBLIC_PATHS]
    body = {"ingressClassName": "alb", "rules": [{"host": spec.host, "http": {"paths": paths}}]}
    return kube.manifest("networking.k8s.io/v1", "Ingress", _metadata(APP, annotations), spec=body)


PUBLIC_PATHS: Final = ("/v1", READY)
"""The API and its health; management, metrics and documentation pages stay inside."""


def _pairs(values: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(values.items()))
