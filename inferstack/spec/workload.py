"""`kind: Workload`: one model to serve, its traffic, and what must hold. Values only; no file is opened here.

Attributes are the file's camelCase names in snake_case. Durations are ``timedelta``, percentages fractions
(0..1), money Decimal USD. ``None`` means "not stated"; ``derive.py`` resolves it with documented defaults.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from inferstack.spec.base import Section
from inferstack.spec.defaults import Task
from inferstack.spec.quantities import (
    CountryCode,
    Duration,
    InstanceTypeId,
    Name,
    Number,
    PathText,
    Percentage,
    RegionId,
    Residency,
    Shape,
    Text,
    Usd,
    ZoneId,
    conflict,
)

Classification = Literal["public", "internal", "confidential", "restricted"]
Purchase = Literal[
    "on-demand",
    "spot",
    "savings-plan-1y",
    "savings-plan-3y",
    "reserved",
    "capacity-reservation",
    "capacity-block",
]
Quantization = Literal[
    "auto", "bf16", "fp16", "fp8", "int8", "awq", "gptq", "int4", "nvfp4", "mxfp4", "bitsandbytes"
]
Regulation = Literal[
    "GDPR", "UK-GDPR", "EU-AI-Act", "DORA", "NIS2", "C5", "HIPAA", "PCI-DSS", "SOC2", "ISO27001", "FedRAMP",
    "CCPA", "PIPEDA", "LGPD", "APPI", "PDPA",
]  # fmt: skip
FallbackProvider = Literal["bedrock", "openai", "together", "anyscale", "huggingface", "sagemaker"]
FallbackReason = Literal["overload", "error", "timeout", "rate-limit"]
Tokens = Annotated[Number, Field(ge=0, le=10_000_000)]

ModelId = Annotated[
    str,
    Shape(
        r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?",
        "not a model id",
        "a Hugging Face id: meta-llama/Llama-3.3-70B-Instruct",
        200,
    ),
]
Revision = Annotated[
    str, Shape(r"[A-Za-z0-9][A-Za-z0-9._/-]*", "not a revision", "a commit hash, tag or branch", 100)
]
AdapterSource = Annotated[
    str,
    Shape(
        r"s3://[a-z0-9][a-z0-9.-]+/.+|[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*",
        "not an adapter source",
        "s3://bucket/prefix or a Hugging Face id",
        1024,
    ),
]


class Adapter(Section):
    """A LoRA adapter served beside its base model."""

    name: Name
    """Model name that callers ask for."""
    source: AdapterSource
    """`s3://bucket/prefix` or a Hugging Face id."""
    rank: Annotated[int, Field(ge=1, le=512)] | None = None
    """LoRA rank; absent: read from the adapter at start."""


class ModelRef(Section):
    """What is served."""

    id: ModelId | None = None
    """Catalog id (a Hugging Face id)."""
    hf_config: PathText | None = None
    """A local `config.json` for a model outside the catalog, relative to this file."""
    revision: Revision | None = None
    """Commit of the weights; absent: the catalog's pinned revision."""
    quantization: Quantization = "auto"
    """`auto` lets the plan choose."""
    max_context: Annotated[int, Field(ge=128, le=20_000_000)] | None = None
    """Longest prompt + answer in tokens; absent: enough for the p95 request, at most the model's own."""
    adapters: tuple[Adapter, ...] = ()
    """LoRA adapters."""
    task: Task | None = None
    """What it is used for, which sets default service levels; absent: the catalog's task of the model."""

    @model_validator(mode="after")
    def _names_a_model(self) -> Self:
        if self.id is None and self.hf_config is None:
            raise conflict("names no model", "id", "hfConfig", accepted="id, hfConfig, or both")
        names = [adapter.name for adapter in self.adapters]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise conflict(
                f"two adapters are called {repeated[0]}", "adapters", accepted="one adapter a name"
            )
        return self


class TokenCount(Section):
    """Tokens of one request."""

    mean: Tokens
    """Mean over all requests."""
    p95: Tokens | None = None
    """95th percentile; absent: the mean times the spread of public traces for the task."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.p95 is not None and self.p95 < self.mean:
            message = f"the 95th percentile ({self.p95:g}) is below the mean ({self.mean:g})"
            raise conflict(message, "p95", "mean", accepted="p95 at or above mean")
        return self


def _model_shorthand(value: Any) -> Any:
    return {"id": value} if isinstance(value, str) else value


def _tokens_shorthand(value: Any) -> Any:
    return {"mean": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


ModelField = Annotated[ModelRef, BeforeValidator(_model_shorthand, json_schema_input_type=ModelId | ModelRef)]
TokensField = Annotated[
    TokenCount, BeforeValidator(_tokens_shorthand, json_schema_input_type=Tokens | TokenCount)
]


class Traffic(Section):
    """How much is asked, and how it is spread. Exactly one of the three volumes."""

    requests_per_day: Annotated[Number, Field(gt=0, le=1e11)] | None = None
    """Requests on a mean day."""
    tokens_per_day: Annotated[Number, Field(gt=0, le=1e15)] | None = None
    """Input plus output tokens on a mean day."""
    peak_requests_per_second: Annotated[Number, Field(gt=0, le=1e6)] | None = None
    """Requests per second that must be served within the service levels."""
    peak_to_average: Annotated[Number, Field(ge=1, le=1000)] | None = None
    """Peak over mean request rate; absent: from `hourly` or `trace`, else 2."""
    hourly: tuple[Annotated[Number, Field(ge=0, le=1e12)], ...] | None = None
    """24 relative volumes, midnight to midnight UTC."""
    trace: PathText | None = None
    """CSV with TIMESTAMP, ContextTokens, GeneratedTokens, relative to this file."""
    input_tokens: TokensField | None = None
    """Prompt tokens; absent: by task, or from `trace`."""
    output_tokens: TokensField | None = None
    """Answer tokens; absent: by task, or from `trace`."""
    shared_prefix: Annotated[Number, Field(ge=0, le=1)] = 0.0
    """Share of prompt tokens that requests have in common (system prompt, few-shot examples)."""
    concurrency: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Requests in flight at peak, where it is known; else it follows from rate and latency."""

    @model_validator(mode="after")
    def _one_volume_one_shape(self) -> Self:
        volumes = ("requestsPerDay", "tokensPerDay", "peakRequestsPerSecond")
        given = [name for name, value in zip(volumes, self._volumes(), strict=True) if value is not None]
        if not given:
            raise conflict("no volume is given", *volumes, accepted="exactly one of " + ", ".join(volumes))
        if len(given) > 1:
            message = f"{' and '.join(given)} say the same thing twice"
            raise conflict(message, *reversed(given), accepted="exactly one of " + ", ".join(volumes))
        shapes = {"peakToAverage": self.peak_to_average, "hourly": self.hourly, "trace": self.trace}
        used = [name for name, value in shapes.items() if value is not None]
        if len(used) > 1:
            accepted = "at most one of " + ", ".join(shapes)
            raise conflict(
                f"{' and '.join(used)} say the same thing twice", *reversed(used), accepted=accepted
            )
        if self.hourly is not None and (len(self.hourly) != 24 or not any(self.hourly)):
            said = f"{len(self.hourly)} values" if len(self.hourly) != 24 else "all zero"
            raise conflict(f"an hourly profile of {said}", "hourly", accepted="24 numbers, not all zero")
        return self

    def _volumes(self) -> tuple[float | None, float | None, float | None]:
        return self.requests_per_day, self.tokens_per_day, self.peak_requests_per_second


class ServiceLevel(Section):
    """What must hold at peak; absent levels follow from the task."""

    ttft_p95: Duration | None = Field(default=None, alias="ttftP95")
    """Time to first token, 95th percentile."""
    itl_p95: Duration | None = Field(default=None, alias="itlP95")
    """Time between tokens, 95th percentile."""
    e2e_p95: Duration | None = Field(default=None, alias="e2eP95")
    """Whole request, 95th percentile."""
    availability: Percentage | None = None
    """Share of requests answered over a month."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.e2e_p95 is not None and self.ttft_p95 is not None and self.e2e_p95 < self.ttft_p95:
            message = "the whole request cannot take less than its first token"
            raise conflict(message, "e2eP95", "ttftP95", accepted="e2eP95 at or above ttftP95")
        if self.availability is not None and not 0.5 <= self.availability <= 0.9999:
            message = "out of what one region can promise"
            raise conflict(message, "availability", accepted="50% to 99.99%")
        return self


class DataRules(Section):
    """What the requests contain, and where it may go."""

    classification: Classification = "internal"
    """The most sensitive class of data in a request."""
    residency: tuple[Residency, ...] = ()
    """Where data may be: `EU`, country codes or region ids, any of them; empty: as the environment says."""
    regulations: tuple[Regulation, ...] = ()
    """Laws and standards that apply."""


def _revenue_shorthand(value: Any) -> Any:
    if isinstance(value, dict) and "annualRevenue" in value and "annualRevenueUsd" not in value:
        return {("annualRevenueUsd" if key == "annualRevenue" else key): item for key, item in value.items()}
    return value


class Usage(Section):
    """Facts about the business that licences ask for."""

    commercial: bool = True
    """Used by or for a business."""
    monthly_active_users: Annotated[int, Field(ge=0, le=10_000_000_000)] | None = None
    """Of all products and affiliates together, as Llama-style licences count."""
    annual_revenue_usd: Usd | None = None
    """Of the company and its affiliates; `annualRevenue` is accepted too."""
    trains_other_models: bool = False
    """Outputs train or improve another model."""
    redistributes: bool = False
    """Weights or derivatives leave the company."""
    eu_users: bool | None = None
    """Users or company seat in the EU; absent: not stated."""
    company_domicile: CountryCode | None = None
    """Principal place of business, ISO 3166 alpha-2; absent: not stated."""


UsageField = Annotated[Usage, BeforeValidator(_revenue_shorthand)]


class Replicas(Section):
    """Bounds of the autoscaler; absent: the plan chooses."""

    min: Annotated[int, Field(ge=0, le=1000)] | None = None
    """At least this many, 0 lets the workload sleep."""
    max: Annotated[int, Field(ge=1, le=1000)] | None = None
    """At most this many."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            message = f"min ({self.min}) is above max ({self.max})"
            raise conflict(message, "min", "max", accepted="min at or below max")
        return self


class Capacity(Section):
    """How the GPUs are bought, and which."""

    purchase: Annotated[tuple[Purchase, ...], Field(min_length=1)] = ("on-demand",)
    """Purchase models the plan may use."""
    allow_instance_types: tuple[InstanceTypeId, ...] = ()
    """Only these; empty: any."""
    deny_instance_types: tuple[InstanceTypeId, ...] = ()
    """Never these."""
    zones: tuple[ZoneId, ...] = ()
    """Only these availability zone ids; empty: the environment's."""
    replicas: Replicas = Replicas()
    """Bounds of the autoscaler."""
    surge: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Extra replicas during a rollout; absent: 1, or 0 where a replica takes whole scarce nodes."""
    reservation_id: (
        Annotated[str, Shape("cr-[0-9a-f]{8,17}", "not a reservation id", "cr-0123456789abcdef0")] | None
    ) = None
    """The capacity reservation or capacity block to use."""
    acknowledge_upfront_charge: bool = False
    """A capacity block is paid in full in advance and cannot be given back: say `true` to use one."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        both = sorted(set(self.allow_instance_types) & set(self.deny_instance_types))
        if both:
            raise conflict(f"{both[0]} is both allowed and denied", "denyInstanceTypes", "allowInstanceTypes")
        reserved = sorted({"capacity-reservation", "capacity-block"} & set(self.purchase))
        if reserved and self.reservation_id is None:
            raise conflict(f"{reserved[0]} needs reservationId", "purchase", accepted="reservationId: cr-...")
        if "capacity-block" in self.purchase and not self.acknowledge_upfront_charge:
            message = "a capacity block is charged in full in advance"
            raise conflict(message, "purchase", accepted="acknowledgeUpfrontCharge: true")
        return self


class Fallback(Section):
    """An external backend for what the own replicas cannot take."""

    provider: FallbackProvider
    """Who runs it."""
    model: Annotated[str, Shape(r"\S+", "not a model name", "the provider's model name", 256)]
    """The provider's name of the model."""
    on: Annotated[tuple[FallbackReason, ...], Field(min_length=1)] = ("overload", "error")
    """When it is used."""
    max_classification: Classification = "public"
    """The most sensitive class of data that may go there."""
    region: RegionId | None = None
    """Region of the backend, for providers that have regions; absent: the environment's."""
    endpoint: (
        Annotated[str, Shape(r"https://[^\s]+", "not an https address", "https://host/path", 2048)] | None
    ) = None
    """Address of a dedicated endpoint."""


class AbortOn(Section):
    """A canary that reaches any of these is rolled back."""

    error_rate: Percentage | None = None
    """Share of failed requests."""
    ttft_p95: Duration | None = Field(default=None, alias="ttftP95")
    """Time to first token, 95th percentile."""
    itl_p95: Duration | None = Field(default=None, alias="itlP95")
    """Time between tokens, 95th percentile."""


DEFAULT_STEPS = (5, 25, 50, 100)


class Rollout(Section):
    """How a new version takes over."""

    strategy: Literal["rolling", "blue-green", "canary"] = "rolling"
    """`canary` shifts traffic by steps, `blue-green` at once."""
    steps: tuple[Annotated[int, Field(ge=1, le=100)], ...] = DEFAULT_STEPS
    """Percent of traffic on the new version, step by step; canary only."""
    step_duration: Duration | None = None
    """Watch time per step; absent: 10 minutes."""
    abort_on: AbortOn = AbortOn()
    """What sends traffic back; absent values follow from the service levels."""

    @model_validator(mode="after")
    def _steps_rise(self) -> Self:
        rising = all(low < high for low, high in zip(self.steps, self.steps[1:], strict=False))
        if not rising or not self.steps or self.steps[-1] != 100:
            raise conflict(
                "the steps do not rise to 100", "steps", accepted="rising whole percents ending with 100"
            )
        if self.strategy != "canary" and "steps" in self.model_fields_set:
            message = f"steps have no meaning for strategy {self.strategy}"
            raise conflict(message, "steps", "strategy", accepted="strategy: canary, or no steps")
        return self


class Evaluation(Section):
    """The test that gates a rollout."""

    suite: PathText
    """Suite file, relative to this file."""
    min_cases: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """Fewer cases than this judge nothing."""
    pass_mark: Annotated[Number, Field(gt=0, le=1)] = 0.9
    """Share of cases that must pass."""


class Serving(Section):
    """Engine settings beyond the plan's own."""

    vllm: dict[str, JsonValue] = {}
    """Extra vLLM arguments without the leading dashes: `enable-chunked-prefill: true`."""


class Budget(Section):
    """Money that may be spent."""

    monthly_usd: Usd
    """USD per month of 730 hours."""


class Workload(Section):
    """One model to serve: everything but `name`, `model` and `traffic` has a stated default."""

    api_version: Literal["inferstack/v1"]
    """Version of this format."""
    kind: Literal["Workload"]
    """What this file describes."""
    name: Name
    """Unique in its environment; names the service, its pods and its alerts."""
    owner: Text | None = None
    """Team that answers for it."""
    cost_centre: Text | None = None
    """Where the cost is booked."""
    model: ModelField
    """Catalog id, or a section."""
    traffic: Traffic
    """How much is asked."""
    slo: ServiceLevel = ServiceLevel()
    """What must hold."""
    data: DataRules = DataRules()
    """What the requests contain."""
    usage: UsageField = Usage()
    """Facts that licences ask for."""
    capacity: Capacity = Capacity()
    """How GPUs are bought."""
    fallback: tuple[Fallback, ...] = ()
    """External backends, in order."""
    rollout: Rollout = Rollout()
    """How a new version takes over."""
    evaluation: Evaluation | None = None
    """Gate of a rollout."""
    serving: Serving = Serving()
    """Engine settings."""
    budget: Budget | None = None
    """Monthly limit of this workload."""
