"""Memory of one rank beside weights and KV cache: activation peak, outside torch, CUDA graphs. In GiB."""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inferstack.plain_yaml import read_yaml
from inferstack.sizing.tensors import padded_vocab, shared_width
from inferstack.sizing.vllm_defaults import V1_SINCE, Limits, version_key
from inferstack.units import GIB

if TYPE_CHECKING:
    from inferstack.catalog.types import Architecture, Hybrid
    from inferstack.sizing.types import Deployment
    from inferstack.sizing.weights import Stage

_DATA: Final = Path(__file__).parent / "data" / "memory.yaml"
_BYTES: Final = 2.0
"""Activations are 16-bit."""
_FULL_NVLINK: Final = 300.0
"""GB/s both ways: bridges between two cards (112) do not count, servers with NVSwitch or V100 meshes do."""
_MOST_CAPTURED: Final = 512
_LATENT_CHUNK: Final = 65_536
"""Tokens of cached latents that vLLM's MLA prefill expands at a time."""


@dataclass(frozen=True, slots=True)
class NonTorch:
    """Memory outside torch of one rank: alone, over PCIe, over NVLink, and where all-reduce is fused."""

    single: float
    pcie: float
    nvlink: float
    fused: float
    fused_blackwell: float


@dataclass(frozen=True, slots=True)
class Constants:
    """``data/memory.yaml`` for one vLLM version. GiB, bytes and counts as named there."""

    sampler_bytes_per_logit: float
    resident: float
    resident_bytes_per_token: float
    forward_intermediates: float
    forward_hidden: float
    pipeline_hidden: float
    encoder_bytes_per_patch: float
    encoder_max_tokens: int
    sparse_indexer: float
    moe_workspace_stays: bool
    non_torch: NonTorch
    graph_base: float
    graph_per_layer: float
    graph_per_latent_layer: float


@functools.cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = read_yaml(_DATA)
    return document


def _since(entries: list[dict[str, Any]], version: tuple[int, ...]) -> dict[str, Any]:
    return next(entry for entry in reversed(entries) if version_key(entry["since"]) <= version)


@functools.cache
def constants(version: tuple[int, ...]) -> Constants:
    """The constants of a vLLM version."""
    document = _document()
    by_version = {"sampler_bytes_per_logit", "moe_workspace_stays", "non_torch"}
    beside = _since(document["non_torch"], version)
    return Constants(
        sampler_bytes_per_logit=_since(document["sampler_bytes_per_logit"], version)["value"],
        moe_workspace_stays=version >= version_key(document["moe_workspace_since"]),
        non_torch=NonTorch(**{key: value for key, value in beside.items() if key != "since"}),
        **{field.name: document[field.name] for field in fields(Constants) if field.name not in by_version},
    )


def activation_gib(deployment: Deployment, stage: Stage, limits: Limits) -> float:
    """Peak of the profiling run: the largest of a full prefill batch, the sampler and the vision encoder."""
    architecture, tp, pp = deployment.architecture, deployment.tp, deployment.pp
    c = constants(limits.version)
    tokens = limits.max_num_batched_tokens
    hidden = tokens * architecture.hidden_size * _BYTES
    workspace = _moe_workspace(architecture, tokens, tp)
    if deployment.data_parallel > 1:
        workspace = _gathered_workspace(deployment, tokens)
    copies = c.forward_hidden + (c.pipeline_hidden if pp > 1 else 0)
    forward = _widest_layer(architecture, c, limits, tp) + copies * hidden
    sampler = 0.0
    if stage.last and architecture.language_head and architecture.kind != "encoder":
        sampler = hidden + c.sampler_bytes_per_logit * limits.max_num_seqs * padded_vocab(architecture)
    stays, passes = (workspace, 0.0) if c.moe_workspace_stays else (0.0, workspace)
    peak = max(forward + passes, sampler) + stays
    if stage.first and architecture.non_text_params_b:
        peak = max(peak + hidden, _encoder(architecture, c, limits))
    indexer = (
        c.sparse_indexer if architecture.kv_cache and architecture.kv_cache.indexer_bytes_per_token else 0.0
    )
    return c.resident + indexer + (peak + c.resident_bytes_per_token * tokens) / GIB


def _widest_layer(a: Architecture, c: Constants, limits: Limits, tp: int) -> float:
    """Bytes of the layer with the largest intermediates: feed-forward, linear attention, expanded latents."""
    tokens = limits.max_num_batched_tokens
    widest = c.forward_intermediates * _mlp_width(a, tp)
    if a.hybrid is not None:
        widest = max(widest, 1.5 * _mixer_width(a.hybrid, tp))
    size = widest * tokens * _BYTES
    if a.mla is not None and a.mla.kv_lora_rank:
        chunk = min(_LATENT_CHUNK, 8 * limits.max_model_len)
        expanded = a.num_attention_heads / tp * (a.mla.qk_nope_head_dim + a.mla.v_head_dim)
        size = max(size, chunk * expanded * _BYTES)
    return size


def _mixer_width(h: Hybrid, tp: int) -> float:
    """Projected width of one token in a linear-attention layer on one rank."""
    if h.linear_kind == "mamba2":
        return 2 * (h.mamba_heads or 0) * (h.mamba_head_dim or 0) / tp
    if h.linear_kind == "kimi_delta_attention":
        return 4 * (h.linear_heads or 0) * (h.linear_head_dim or 0) / tp
    keys = (h.linear_key_heads or 0) * (h.linear_key_head_dim or 0)
    return 2 * (keys + (h.linear_value_heads or 0) * (h.linear_value_head_dim or 0)) / tp


def _encoder(a: Architecture, c: Constants, limits: Limits) -> float:
    """Peak of the vision tower on its largest input, in bytes: large for Qwen's native resolution."""
    if a.model_type is None or "_vl" not in a.model_type:
        return 0.0
    # V0 profiled as many images as the context holds, V1 the largest one of at most the context.
    tokens = (
        limits.max_model_len if limits.version < V1_SINCE else min(limits.max_model_len, c.encoder_max_tokens)
    )
    return 4 * tokens * c.encoder_bytes_per_patch


def _mlp_width(a: Architecture, tp: int) -> float:
    """Widest dense feed-forward on one rank."""
    dense = a.intermediate_size or 0
    if a.moe is not None:
        dense = max(dense if a.moe.first_dense_layers or a.moe.dense_layers else 0, shared_width(a.moe))
    return dense / tp


def _moe_workspace(a: Architecture, tokens: int, tp: int) -> float:
    """Bytes of fused experts' two buffers: gate and up (or the output), and the activated product."""
    if a.moe is None or a.native_dtype == "mxfp4":
        return 0.0
    width = a.moe.moe_intermediate_size / tp
    hidden = a.moe.routed_expert_hidden_size or a.moe.moe_latent_size or a.hidden_size
    rows = tokens * a.moe.experts_per_token
    return rows * (max(2 * width, hidden) + max(width, hidden)) * _BYTES


def _gathered_workspace(d: Deployment, tokens: int) -> float:
    """Every rank computes its experts for the tokens of all ranks, which it has gathered, at full width."""
    together = tokens * d.data_parallel
    slices = 1 if d.expert_parallel else d.experts_over
    return _moe_workspace(d.architecture, together, slices) + together * d.architecture.hidden_size * _BYTES


def non_torch_gib(deployment: Deployment, limits: Limits) -> float:
    """Contexts, NCCL and all-reduce workspaces of one rank, as far as vLLM counts them."""
    beside = constants(limits.version).non_torch
    if deployment.experts_over == 1:
        return beside.single if deployment.pp == 1 else min(beside.single, 0.10)
    linked = deployment.gpu.nvlink_gb_per_s_bidirectional >= _FULL_NVLINK
    linked = linked if deployment.nvlink is None else deployment.nvlink
    if not linked:
        return beside.pcie
    capability = float(deployment.gpu.compute_capability)
    if capability >= 10:
        return beside.fused_blackwell
    return beside.fused if capability >= 9 else beside.nvlink


def graphs_gib(deployment: Deployment, stage: Stage, limits: Limits) -> float:
    """CUDA graphs as vLLM estimates them; 0 when they are not captured."""
    if deployment.enforce_eager:
        return 0.0
    c = constants(limits.version)
    share = captured_sizes(limits.max_num_seqs) / captured_sizes(_MOST_CAPTURED)
    latent = deployment.architecture.mla is not None
    return share * (c.graph_base + (c.graph_per_latent_layer if latent else c.graph_per_layer) * stage.layers)


def captured_sizes(max_num_seqs: int) -> int:
    """How many batch sizes vLLM captures: 1, 2, 4, then every 8 up to 256 and every 16 up to 512."""
    largest = min(2 * max_num_seqs, _MOST_CAPTURED)
    dense, coarse = min(largest, 256) // 8, max(0, largest - 256) // 16
    return sum(size <= largest for size in (1, 2, 4)) + dense + coarse
