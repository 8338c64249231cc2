"""The plain facts components state about themselves: their props, in wire names.

Everything here is known at preview. Rules, the bill and the review read these instead of guessing from
resources. ``props()`` turns a value into wire form: camelCase keys, money and other decimals as text,
tuples as lists, absent values left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from typing import Any


def camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def wire(value: object) -> Any:
    """Plain JSON values; nested facts become mappings without their absent fields."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, tuple | list):
        return [wire(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): wire(item) for key, item in sorted(value.items())}
    if is_dataclass(value):
        return {
            camel(field.name): wire(getattr(value, field.name))
            for field in fields(value)
            if getattr(value, field.name) is not None
        }
    return value


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Base of all facts."""

    def props(self) -> dict[str, Any]:
        return dict(wire(self))


@dataclass(frozen=True, kw_only=True)
class WaiverFacts:
    rule: str
    scope: str
    owner: str
    reason: str
    expires: str


@dataclass(frozen=True, kw_only=True)
class PolicyFacts:
    strict: bool
    level: str
    deny_developer_countries: tuple[str, ...]
    deny_models: tuple[str, ...]
    deny_licences: tuple[str, ...]
    waivers: tuple[WaiverFacts, ...]


@dataclass(frozen=True, kw_only=True)
class EnvironmentFacts(Facts):
    """``inferstack:index:InferenceEnvironment``"""

    environment: str
    account: str
    region: str
    zones: tuple[str, ...]
    residency: tuple[str, ...]
    production: bool
    policy: PolicyFacts
    budget_monthly_usd: Decimal | None
    tags: Mapping[str, str]
    workloads: tuple[str, ...]
    missing_secrets: tuple[str, ...]
    """Secret configuration `up` will ask for."""
    tagged_images: Mapping[str, str]
    """Images that run by tag: the publisher's reference by name in `inferstack:imageDigests`."""


@dataclass(frozen=True, kw_only=True)
class EncryptionFacts(Facts):
    """``inferstack:index:Encryption``"""

    environment: str
    region: str
    key_source: str
    """``created`` or ``existing``."""


@dataclass(frozen=True, kw_only=True)
class SpendingFacts(Facts):
    """``inferstack:index:Spending``: who hears about money."""

    environment: str
    budget_monthly_usd: Decimal | None
    anomaly_usd: Decimal
    emails: tuple[str, ...]
    topic_arn: str | None


@dataclass(frozen=True, kw_only=True)
class NetworkFacts(Facts):
    """``inferstack:index:Network``"""

    environment: str
    region: str
    zones: tuple[str, ...]
    cidr: str
    nat: str
    nat_gateways: int
    public_subnets: bool
    interface_endpoints: tuple[str, ...]
    flow_logs: bool
    existing_vpc: str | None = None
    """Id of a VPC that is not made here."""


@dataclass(frozen=True, kw_only=True)
class ClusterFacts(Facts):
    """``inferstack:index:Cluster``"""

    environment: str
    region: str
    cluster_name: str
    version: str
    endpoint: str
    public_access_cidrs: tuple[str, ...]
    support_type: str
    deletion_protection: bool
    creator_is_admin: bool
    admin_role_arns: tuple[str, ...]
    addons: Mapping[str, str]
    system_instance_types: tuple[str, ...]
    system_nodes: int
    system_nodes_max: int
    existing: bool | None = None
    """True for a cluster that is not made here."""


@dataclass(frozen=True, kw_only=True)
class ChartFacts(Facts):
    """``inferstack:index:ClusterServices``, ``GpuRuntime``: third-party charts, by name and version."""

    environment: str
    charts: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class KarpenterFacts(Facts):
    """``inferstack:index:Karpenter``"""

    environment: str
    region: str
    charts: Mapping[str, str]
    interruption_queue: str


@dataclass(frozen=True, kw_only=True)
class ImageCacheFacts(Facts):
    """``inferstack:index:ImageCache``"""

    environment: str
    region: str
    registry: str
    upstreams: tuple[str, ...]
    repositories: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ModelStoreFacts(Facts):
    """``inferstack:index:ModelStore``"""

    environment: str
    region: str
    bucket: str
    created: bool
    replica_regions: tuple[str, ...]
    checkpoints: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class WeightFilesFacts(Facts):
    """``inferstack:index:WeightFiles``"""

    environment: str
    region: str
    bucket: str
    capacity_gib: int
    mb_per_s_per_tib: int
    driver_version: str | None
    """Absent: the cluster has the driver already."""


@dataclass(frozen=True, kw_only=True)
class GpuPoolFacts(Facts):
    """``inferstack:index:GpuPool``"""

    environment: str
    workload: str
    region: str
    zones: tuple[str, ...]
    instance_type: str
    instance_types: tuple[str, ...]
    """All that may start; the first is planned and priced."""
    node_starter: str
    """``managed`` or ``karpenter``."""
    node_image: str
    gpu: str
    gpus_per_instance: int
    purchase: str
    capacity_type: str
    reservation_id: str | None
    nodes: int
    max_nodes: int
    standby: bool
    """Empty until AWS has no capacity of the workload's first pool."""
    warm_nodes: int
    """Started and waiting, beside ``nodes``."""
    efa_interfaces: int
    root_volume_gib: int
    usd_per_hour: Decimal | None
    """All ``nodes``, as the plan priced them; absent: no price."""
    usd_per_month: Decimal | None


@dataclass(frozen=True, kw_only=True)
class RouteFacts:
    """One backend the gateway may send requests for a model name to."""

    group: str
    """The model name callers use."""
    workload: str
    classification: str
    provider: str
    """``vllm`` or an external provider."""
    model: str
    region: str | None
    weight: Decimal | None
    """Percent of the group's requests; absent: only when the others fail, for one of ``reasons``."""
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class GatewayFacts(Facts):
    """``inferstack:index:Gateway``"""

    environment: str
    region: str
    host: str
    scheme: str
    tls: str
    certificate: str
    """``created``, ``existing`` or ``none``."""
    waf: bool
    auth: str
    attempt_timeout_s: int
    image: str
    image_digest: str | None
    replicas: int
    database: str
    """``rds``, ``in-cluster`` or ``none``."""
    cache: str
    """``in-cluster``, ``elasticache`` or ``none``."""
    teams: tuple[str, ...]
    routes: tuple[RouteFacts, ...]


@dataclass(frozen=True, kw_only=True)
class RouterFacts(Facts):
    """``inferstack:index:InferenceRouter``"""

    environment: str
    region: str
    workload: str
    replicas: int
    """Of the proxy, and of the picker."""
    proxy_image: str
    proxy_image_digest: str | None
    picker_image: str
    picker_image_digest: str | None


@dataclass(frozen=True, kw_only=True)
class MonitoringFacts(Facts):
    """``inferstack:index:Monitoring``"""

    environment: str
    region: str
    stack: str
    grafana: str
    retention_days: int
    alerts: tuple[str, ...]
    alert_topic: str | None
    alert_emails: tuple[str, ...]
    alert_webhook: bool
    dashboards: tuple[str, ...]
    sampling: Decimal
    """Share of requests that are traced."""
    traces_to: str | None
    """Address of the trace store; absent: nothing is traced."""
    charts: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class AutoscalingFacts(Facts):
    """``inferstack:index:Autoscaling``"""

    environment: str
    charts: Mapping[str, str]
    metrics: str
    """Where scalers ask: ``prometheus`` in the cluster or ``amp``."""


def decimal(value: float | None) -> Decimal | None:
    """A float as the decimal people would write (12 significant digits)."""
    return None if value is None else Decimal(f"{value:.12g}")
