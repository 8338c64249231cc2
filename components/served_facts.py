"""The plain facts of one served model: its use, its data, its service levels and what was decided for it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from components.facts import Facts


@dataclass(frozen=True, kw_only=True)
class UsageFacts:
    commercial: bool
    monthly_active_users: int | None
    annual_revenue_usd: Decimal | None
    trains_other_models: bool
    redistributes: bool
    eu_users: bool | None
    company_domicile: str | None


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    classification: str
    residency: tuple[str, ...]
    regulations: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AdapterFacts:
    name: str
    source: str


@dataclass(frozen=True, kw_only=True)
class FallbackFacts:
    provider: str
    model: str
    region: str | None
    endpoint: str | None
    max_classification: str
    reasons: tuple[str, ...]
    enabled: bool
    """False: the workload's data may not go there, and the gateway does not know of it."""
    share: Decimal | None = None
    """Fraction of all requests that go there even when nothing fails."""
    after_s: int | None = None
    """Silence of the own replicas that counts as a timeout."""


@dataclass(frozen=True, kw_only=True)
class SloFacts:
    availability: Decimal | None
    ttft_p95_ms: Decimal | None
    itl_p95_ms: Decimal | None
    e2e_p95_ms: Decimal | None


@dataclass(frozen=True, kw_only=True)
class WorkloadFacts(Facts):
    """``inferstack:index:VllmService``: the model, its use, its data and what was decided for it."""

    environment: str
    workload: str
    region: str
    owner: str | None
    cost_centre: str | None
    budget_monthly_usd: Decimal | None
    model: str
    checkpoint: str
    """Hugging Face repository whose weights are loaded."""
    revision: str | None
    """Of the checkpoint; absent: not pinned."""
    licence: str
    developer_country: str | None
    gated: bool | None
    task: str
    params_b: Decimal
    quantization: str
    kv_cache_dtype: str
    weights_uri: str
    adapters: tuple[AdapterFacts, ...]
    usage: UsageFacts
    data: DataFacts
    fallback: tuple[FallbackFacts, ...]
    slo: SloFacts
    purchase: str
    instance_type: str
    tensor_parallel: int
    pipeline_parallel: int
    data_parallel: int
    nodes_per_replica: int
    replicas: int
    replicas_serving: int
    min_replicas: int
    max_replicas: int
    surge_replicas: int
    autoscaling: str
    """``keda``, ``hpa`` or ``none``."""
    survives_zone_loss: bool
    requests_per_day: Decimal
    peak_requests_per_second: Decimal
    input_tokens: Decimal
    output_tokens: Decimal
    usd_per_month: Decimal | None
    cold_start_s: int
    image: str
    image_digest: str | None
    vllm_version: str
