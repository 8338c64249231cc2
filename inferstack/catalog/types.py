"""What the catalog knows: frozen, strict types for models, licences, GPUs, instances, prices, regions.

Facts live in ``data/``; ``load.py`` reads them into these types. Nothing here opens a file.
Memory is in GiB or MiB as the name says, bandwidth in GB/s (1e9 bytes), compute in dense TFLOP/s.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal

from inferstack.catalog.fact import Fact
from inferstack.catalog.types_aws import (
    Confidence,
    CpuInstance,
    EksVersion,
    InstancePrice,
    InstanceType,
    PriceChange,
    Region,
    RegionalPrice,
    ServicePrice,
)

__all__ = [
    "Accelerator",
    "Architecture",
    "BatchDefaults",
    "Checkpoint",
    "Confidence",
    "CpuInstance",
    "EksVersion",
    "Fact",
    "GeoExclusion",
    "Hybrid",
    "InstancePrice",
    "InstanceType",
    "KvCache",
    "Licence",
    "Mla",
    "Model",
    "Moe",
    "PhantomModel",
    "PriceChange",
    "Region",
    "RegionalPrice",
    "ServicePrice",
    "SlidingWindow",
    "SparseAttention",
    "VllmDefaults",
    "VllmSupport",
]

# --- models ---------------------------------------------------------------------------------------


class SlidingWindow(Fact):
    size: int
    full_attention_layers: int
    sliding_layers: int
    pattern: str | None = None


class Hybrid(Fact):
    """Layers that keep a fixed-size state per sequence instead of KV per token."""

    linear_kind: Literal["gated_deltanet", "kimi_delta_attention", "mamba2", "none (attention removed)"]
    linear_layers: int
    full_attention_layers: int
    linear_key_heads: int | None = None
    linear_key_head_dim: int | None = None
    linear_value_heads: int | None = None
    linear_value_head_dim: int | None = None
    linear_heads: int | None = None
    linear_head_dim: int | None = None
    conv_kernel: int | None = None
    moe_layers: int | None = None
    mamba_heads: int | None = None
    mamba_head_dim: int | None = None
    ssm_state_size: int | None = None
    n_groups: int | None = None
    no_op_attention_layers: int | None = None


class Moe(Fact):
    num_experts: int
    experts_per_token: int
    num_shared_experts: int
    moe_intermediate_size: int
    first_dense_layers: int
    moe_every_n_layers: int | None = None
    dense_layers: int | None = None
    shared_expert_intermediate_size: int | None = None
    parallel_dense_mlp: int | None = None
    routed_expert_hidden_size: int | None = None
    moe_latent_size: int | None = None


class Mla(Fact):
    """Multi-head latent attention. ``kv_lora_rank`` None: shared K=V without a latent (DeepSeek V4)."""

    kv_lora_rank: int | None
    qk_rope_head_dim: int
    qk_nope_head_dim: int
    v_head_dim: int
    q_lora_rank: int | None


class SparseAttention(Fact):
    block_size: int
    topk_blocks: int
    sparse_layers: int
    full_layers: int


class KvCache(Fact):
    """KV bytes per token and whole model at 2 bytes per element, as stated by the fact file."""

    full_layers: int
    full_bytes_per_token_bf16: int
    sliding_layers: int
    sliding_bytes_per_token_bf16: int
    sliding_cap_tokens: int | None = None
    fixed_state_bytes_per_sequence: int | None = None
    indexer_bytes_per_token: int | None = None
    csa_layers: int | None = None
    hca_layers: int | None = None
    window_only_layers: int | None = None
    note: str | None = None


class Architecture(Fact):
    """Shape of the network: all that memory and speed depend on. Sizes are element counts."""

    kind: Literal["dense", "moe", "encoder", "nas"]
    attention: str
    num_layers: int
    hidden_size: int
    intermediate_size: int | None
    num_attention_heads: int
    num_kv_heads: int
    head_dim: int | None = None
    vocab_size: int
    qkv_bias: bool = False
    tie_word_embeddings: bool | None = None
    gated_mlp: bool = True
    attention_gate: bool = False
    """A gate as wide as the queries multiplies the attention output."""
    double_wide_shared_mlp: bool = False
    """Layers that reuse another layer's KV have MLPs of twice the width (Gemma 4 E2B)."""
    language_head: bool = True
    """False: embedding models, which are served without their language head."""
    sliding_window: SlidingWindow | None = None
    hybrid: Hybrid | None = None
    moe: Moe | None = None
    mla: Mla | None = None
    sparse_attention: SparseAttention | None = None
    kv_cache: KvCache | None = None
    global_head_dim: int | None = None
    global_num_kv_heads: int | None = None
    num_kv_shared_layers: int | None = None
    hidden_size_per_layer_input: int | None = None
    non_text_params_b: float | None = None
    vision_replicated: bool = False
    """The vision tower is whole on every tensor-parallel rank (Pixtral in Mistral's own format)."""
    rotary_positions: int | None = None
    """Entries of the rotary table where more than ``max_position`` (linear scaling multiplies them)."""
    native_dtype: str
    model_type: str | None = None
    max_position: int | None = None
    """Longest context of the position table; None: see the model's ``max_context``."""


class Checkpoint(Fact):
    """A published quantized re-release of the same weights."""

    id: str
    format: str
    by_developer: bool
    source: str


class Model(Fact):
    id: str
    family: str
    release: str | None
    total_params_b: float | None
    active_params_b: float | None
    architecture: Architecture | None
    """None: no public weights."""
    max_context: int | None
    max_context_extended: int | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    licence: str
    """Key into the licences."""
    licence_note: str | None = None
    developer: str
    developer_country: str | None
    """ISO 3166 alpha-2; None: not established."""
    developer_country_note: str | None = None
    gated: bool | None
    """Hugging Face access form; None: not established."""
    open_weights: bool
    status: str | None = None
    modalities: tuple[str, ...] = ()
    task: Literal["chat", "code", "embedding", "reranker", "math"] | None
    tool_call_parser: str | None = None
    reasoning_parser: str | None = None
    aliases: tuple[str, ...] = ()
    """Other Hugging Face ids of the same weights (a rename, a mirror under the developer's old name)."""
    revision: str | None = None
    total_params_basis: str | None = None
    """Where ``total_params_b`` is from: published, published rounded, or computed from the shape."""
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...]
    from_memory_fields: tuple[str, ...] = ()
    """Fields no source was read for; everything else stands in ``sources``."""
    checked: dt.date


class PhantomModel(Fact):
    """A name people ask for that was never released, or not as open weights, and what exists instead."""

    name: str
    exists: bool
    """True: the product exists, but not under this name or not as open weights."""
    finding: str
    use: tuple[str, ...]
    """Ids of the nearest real models, all in the catalog."""
    aliases: tuple[str, ...] = ()
    source: str


class GeoExclusion(Fact):
    regions: tuple[str, ...]
    who: str
    exempt: str | None = None
    scope: str | None = None


class Licence(Fact):
    """What a licence lets one do, as fields a rule can test."""

    id: str
    name: str
    spdx_or_id: str
    commercial_use: Literal["yes", "conditional", "no"]
    conditions: tuple[str, ...]
    mau_cap: int | None = None
    mau_cap_test: str | None = None
    revenue_cap_usd: Decimal | None = None
    revenue_cap_period: str | None = None
    revenue_cap_effect: str | None = None
    geo_exclusion: GeoExclusion | None = None
    display_required: str | None = None
    derivative_name_prefix: str | None = None
    notice_file: bool | str | None = None
    licence_copy_on_redistribution: bool | None = None
    use_policy: str | None = None
    flow_down_use_restrictions: bool
    redistribution: str
    hosting_for_third_parties: str
    train_other_models: str | None
    non_commercial_only: bool
    notify_licensor: str | None = None
    governing_law: str | None = None
    remote_restriction_right: bool
    litigation_termination: str | None = None
    confidence: str | None = None
    """What was not read at first hand, or where sources conflict; None: the licence text itself was read."""
    sources: tuple[str, ...]
    checked: dt.date


# --- GPUs -----------------------------------------------------------------------------


class VllmSupport(Fact):
    """What vLLM 0.33 can run on a GPU generation."""

    image_runs: bool
    bf16: bool
    fp8_w8a8_native: bool
    fp8_w8a16_marlin: bool
    fp8_block_native: bool
    int8_w8a8: bool
    awq_gptq_w4a16_marlin: bool
    nvfp4_native_w4a4: bool
    nvfp4_w4a16_marlin_fallback: bool
    mxfp4_native: bool
    mxfp4_marlin: bool
    kv_cache_fp8: bool
    kv_cache_fp8_note: str | None = None


class Accelerator(Fact):
    """One GPU model. ``cuda_memory_gib`` is what CUDA reports as total, the base of every fit."""

    id: str
    name: str
    arch: str
    compute_capability: Decimal
    memory_gb_marketing: float
    memory_mib_aws_api: int | None
    cuda_memory_gib: float
    cuda_memory_basis: str
    """Where ``cuda_memory_gib`` is from: a log line, or derived."""
    memory_bandwidth_gb_per_s: float | None
    fp16_dense_tflops: float | None
    bf16_dense_tflops: float | None
    fp8_dense_tflops: float | None
    fp4_dense_tflops: float | None
    int8_dense_tops: float | None
    nvlink_gb_per_s_bidirectional: float
    pcie: str | None
    tdp_w: int | None
    aws_families: tuple[str, ...]
    """Empty: not sold by AWS (consumer and other cards that appear in measurements)."""
    aliases: tuple[str, ...] = ()
    vllm: VllmSupport | None
    sources: tuple[str, ...]
    notes: str | None = None
    checked: dt.date


# --- vLLM -----------------------------------------------------------------------------------------


class BatchDefaults(Fact):
    """`--max-num-batched-tokens` and `--max-num-seqs` of the API server for GPUs of at least this memory."""

    min_gpu_memory_gib: float
    excludes_gpu: str | None = None
    """A name part of GPUs the row does not hold for (``a100``)."""
    max_num_batched_tokens: int
    max_num_seqs: int


class VllmDefaults(Fact):
    """What a vLLM version does when nothing is set; holds from ``since`` until the next entry."""

    since: str
    gpu_memory_utilization: float
    cuda_graphs_in_budget: bool
    """True: profiled CUDA-graph memory is taken out of the KV budget; False: it comes on top."""
    batch_defaults: tuple[BatchDefaults, ...]
    """First match wins; ordered from most memory to least."""
    block_size: int
    engine: Literal["V0", "V1"]
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...]
    checked: dt.date
