"""The values sizing speaks in: what is run, whether it fits, how fast it is, and the plan that follows.

Frozen dataclasses; memory in GiB (2**30 bytes) per GPU, time in ms or s as named, money in Decimal USD.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from inferstack.catalog.types import Accelerator, Architecture

Basis = Literal["measured", "interpolated", "extrapolated"]
"""Where a prediction stands: same GPU and model in the measurements; between measured ones; outside."""


Proposer = Literal["ngram", "mtp", "eagle3", "draft_model"]
"""What guesses ahead: the prompt itself, heads of the model, a trained head beside it, a small model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speculation:
    """Speculative decoding: ``tokens`` guessed at a time, each accepted with the same probability."""

    method: Proposer
    tokens: int
    acceptance_rate: float
    """Of one guess, given that those before it were accepted."""
    draft: Architecture | None = None
    """The small model of ``draft_model``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """LoRA adapters served at the same time, all of one rank, asked for equally often."""

    count: int
    rank: int
    slot_rank: int | None = None
    """Rank that memory is kept for; None: their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One vLLM server: a model on ``tp * pp * data_parallel`` GPUs. ``None``: the version's default."""

    model_id: str
    architecture: Architecture
    gpu: Accelerator
    tp: int = 1
    pp: int = 1
    data_parallel: int = 1
    """Ranks of ``tp`` GPUs that each hold attention and a KV cache of their own, share the routed experts
    over all ``tp * data_parallel`` GPUs, and step together. Limits are those of one rank."""
    quantization: str | None = None
    """bf16, fp16, fp8, awq, gptq, nvfp4, mxfp4, int8 ...; None: the checkpoint's native dtype."""
    kv_cache_dtype: str | None = None
    gpu_memory_utilization: float | None = None
    max_model_len: int | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    enforce_eager: bool = False
    expert_parallel: bool = False
    vllm_version: str = "0.33.0"
    nvlink: bool | None = None
    """None: as the GPU has it."""
    nodes: int = 1
    """Nodes that data-parallel ranks spread over."""
    node_network_gb_per_s: float | None = None
    """What a node sends over the network, where ranks are on several."""
    prefix_caching: bool = True
    speculation: Speculation | None = None
    adapters: Adapters | None = None

    @property
    def gpus(self) -> int:
        return self.tp * self.pp * self.data_parallel

    @property
    def experts_over(self) -> int:
        """GPUs that the routed experts of one pipeline stage are spread over."""
        return self.tp * self.data_parallel


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Memory of one engine, per GPU (the fullest GPU), and what is left for the KV cache.

    With data-parallel ranks tokens, concurrency and batch limits are those of one of them.
    """

    fits: bool
    reason: str
    weights_gib_per_gpu: float
    activation_gib_per_gpu: float
    non_torch_gib_per_gpu: float
    cuda_graphs_gib_per_gpu: float
    kv_cache_gib_per_gpu: float
    """Can be negative: by how much it does not fit."""
    kv_cache_tokens: int
    max_model_len: int
    max_concurrency: float
    """Requests of ``max_model_len`` that the KV cache holds, as vLLM logs it."""
    gpu_memory_gib: float
    gpu_memory_utilization: float
    max_num_seqs: int
    max_num_batched_tokens: int
    companions_gib_per_gpu: float = 0.0
    """LoRA adapters, and what guesses tokens ahead with its own cache."""
    ranks: int = 1
    """Data-parallel ranks, each with such a cache."""

    @property
    def server_kv_cache_tokens(self) -> int:
        """Of all ranks; one request stays on one of them."""
        return self.kv_cache_tokens * self.ranks


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked of a deployment: exactly one of ``concurrency``, ``request_rate``; inf saturates.

    ``input_tokens`` and ``output_tokens`` are means; ``shared_prefix`` the fraction of prompt tokens
    that the prefix cache already holds.
    """

    input_tokens: float
    output_tokens: float
    concurrency: int | None = None
    request_rate: float | None = None
    num_prompts: int | None = None
    shared_prefix: float = 0.0
    input_tokens_p95: float | None = None
    output_tokens_p95: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    mean: float
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """80 % interval of a prediction, from the model's own cross-validated residuals."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Steady state of all replicas together (throughput) and of one request (latencies, ms)."""

    output_tokens_per_second: float
    total_tokens_per_second: float
    requests_per_second: float
    ttft_ms: Percentiles
    tpot_ms: Percentiles
    e2e_ms: Percentiles
    concurrency: float
    """Mean running requests per replica, all its ranks together."""
    utilization: float
    """Share of the replica's saturated request rate in use; >= 1: overload."""
    basis: Basis
    range: dict[str, Interval] = field(default_factory=dict)
    """Per field name (output_tokens_per_second, ttft_ms, tpot_ms): interval of its mean."""
    saturated: bool = False


Purchase = Literal[
    "on-demand",
    "spot",
    "savings-plan-1y",
    "savings-plan-3y",
    "reserved",
    "capacity-reservation",
    "capacity-block",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way to serve a workload, fully evaluated."""

    instance_type: str
    gpu: str
    gpus_per_instance: int
    region: str
    zones: tuple[str, ...]
    """Zone ids, sorted, that sell the instance type in the region."""
    purchase: Purchase
    tp: int
    pp: int
    dp: int = 1
    """Data-parallel ranks of ``tp`` GPUs each that share the routed experts."""
    quantization: str
    checkpoint: str
    """Hugging Face repository whose weights are loaded."""
    kv_cache_dtype: str
    nodes_per_replica: int
    replicas_per_node: int
    replicas_serving: int
    """Enough for the peak within the SLO."""
    replicas: int
    """Serving + redundancy (N+1); what the bill counts."""
    surge_replicas: int
    """Extra replicas during a rollout; 0 where the rollout takes one away first."""
    nodes: int
    fit: Fit
    at_peak: Prediction
    saturated: Prediction
    usd_per_hour: Decimal | None
    """All nodes; None: no price."""
    usd_per_month: Decimal | None
    usd_per_million_tokens: Decimal | None
    usd_per_million_tokens_full: Decimal | None
    survives_zone_loss: bool
    survives_node_loss: bool = False

    @property
    def gpus(self) -> int:
        """Of one replica."""
        return self.tp * self.pp * self.dp


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why a candidate (or a whole family of them) lost. ``code`` is stable, for grouping."""

    code: Literal[
        "does-not-fit",
        "slo-missed",
        "not-sold",
        "dearer",
        "hardware-rule",
        "heads",
        "no-price",
        "denied",
        "dominated",
        "zones",
        "quality",
    ]
    candidate: str
    """``g6e.12xlarge TP4 fp8 eu-central-1``; the region may be absent when it does not matter."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTime:
    """Cold start of one pod in seconds, by part; drives probes, deadlines and timeouts."""

    node_s: float
    image_s: float
    weights_s: float
    compile_s: float

    @property
    def total_s(self) -> float:
        return self.node_s + self.image_s + self.weights_s + self.compile_s


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleTargets:
    """Per replica: what the autoscaler keeps below by adding replicas."""

    concurrency: int
    """Requests in flight, running and waiting."""
    waiting: int
    """Requests in the queue."""
    requests_per_second: float
    """Arrivals at the planned peak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadPlan:
    """The decision for one workload: everything components, cost and policy read."""

    workload: str
    model_id: str
    revision: str | None
    task: str
    served_model_name: str
    licence: str
    developer_country: str | None
    params_b: float
    chosen: Candidate
    vllm_args: tuple[tuple[str, str], ...]
    """``("--max-model-len", "16384")`` in launch order; an empty value is a bare flag."""
    peak_requests_per_second: float
    requests_per_day: float
    input_tokens: float
    output_tokens: float
    slo_ttft_p95_ms: float | None
    slo_itl_p95_ms: float | None
    slo_e2e_p95_ms: float | None
    slo_availability: float | None
    min_replicas: int
    max_replicas: int
    scale: ScaleTargets
    load_time: LoadTime
    weights_gib: float
    alternatives: tuple[Candidate, ...]
    """Pareto-optimal others, cheapest first; same ones twice are not listed."""
    rejections: tuple[Rejection, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    second_choice: Candidate | None = None
    """The next best instance type that runs the same engine, for when AWS has no capacity of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentPlan:
    environment: str
    region: str
    zones: tuple[str, ...]
    """Zone ids the VPC spans."""
    workloads: tuple[WorkloadPlan, ...]
