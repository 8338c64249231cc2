"""What one token costs a network: multiplications with context, KV and state bytes kept, layers by kind.

Pure counting from the architecture: no GPU, no efficiency, no parallelism. Elements of the linear layers are
in ``tensors``; here is the rest that time depends on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inferstack.sizing.tensors import (
    attention_layers,
    embedding_elements,
    head_dim,
    is_tied,
    layer_elements,
)

if TYPE_CHECKING:
    from inferstack.catalog.types import Architecture, Hybrid


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Counts of a whole network. A multiply-add is 2 operations."""

    layers: int
    attention_layers: int
    """Layers with a KV cache."""
    moe_layers: int
    hidden: int
    num_experts: int
    experts_per_token: int
    kv_heads: int
    """Heads that tensor parallelism can spread; 1 for a latent cache, which every rank keeps whole."""
    kv_elements_full: float
    """KV elements per token in the layers that see the whole context."""
    kv_elements_sliding: float
    window: int
    state_elements: float
    """Recurrent state per sequence, read and written every step."""
    attention_flops_full: float
    """Operations per prompt token and token of context, in the layers that see the whole context."""
    attention_flops_sliding: float
    is_mla: bool
    has_sinks: bool


def network_of(architecture: Architecture) -> Network:
    """Count a network from its shape."""
    a = architecture
    sliding = a.sliding_window.sliding_layers if a.sliding_window else 0
    layers = attention_layers(a)
    full = layers - sliding
    is_mla = a.mla is not None and a.mla.kv_lora_rank is not None
    kv_layer, flops_layer = _attention_layer(a)
    return Network(
        layers=a.num_layers,
        attention_layers=layers,
        moe_layers=_moe_layers(a),
        hidden=a.hidden_size,
        num_experts=a.moe.num_experts if a.moe else 0,
        experts_per_token=a.moe.experts_per_token if a.moe else 0,
        kv_heads=1 if is_mla else a.num_kv_heads,
        kv_elements_full=full * kv_layer * _full_layer_ratio(a),
        kv_elements_sliding=sliding * kv_layer,
        window=a.sliding_window.size if a.sliding_window else 0,
        state_elements=_state_elements(a.hybrid),
        attention_flops_full=full * flops_layer,
        attention_flops_sliding=sliding * flops_layer,
        is_mla=is_mla,
        has_sinks="sink" in a.attention,
    )


def parameter_count(architecture: Architecture) -> float:
    """Parameters of the whole network, embeddings included, vision tower not."""
    vocabularies = 1 if is_tied(architecture) else 2
    layers = sum(layer_elements(architecture, 1).values())
    return layers + vocabularies * embedding_elements(architecture, 1)


def _moe_layers(a: Architecture) -> int:
    if a.moe is None:
        return 0
    if a.hybrid is not None and a.hybrid.moe_layers is not None:
        return a.hybrid.moe_layers
    dense = a.moe.dense_layers if a.moe.dense_layers is not None else a.moe.first_dense_layers
    return a.num_layers - dense


def _attention_layer(a: Architecture) -> tuple[float, float]:
    """KV elements per token, and operations per token and context token, of one layer."""
    if a.mla is not None and a.mla.kv_lora_rank is not None:
        m = a.mla
        per_head = m.qk_nope_head_dim + m.qk_rope_head_dim + m.v_head_dim
        return float(a.mla.kv_lora_rank + m.qk_rope_head_dim), 2.0 * a.num_attention_heads * per_head
    width = head_dim(a)
    return 2.0 * a.num_kv_heads * width, 4.0 * a.num_attention_heads * width


def _full_layer_ratio(a: Architecture) -> float:
    """Full layers may have other KV heads than sliding ones (Gemma 4)."""
    if a.global_head_dim is None and a.global_num_kv_heads is None:
        return 1.0
    width = head_dim(a)
    heads = a.global_num_kv_heads or a.num_kv_heads
    return heads * (a.global_head_dim or width) / (a.num_kv_heads * width)


def _state_elements(h: Hybrid | None) -> float:
    if h is None or h.linear_layers == 0:
        return 0.0
    if h.mamba_heads and h.mamba_head_dim:
        per_layer = h.mamba_heads * h.mamba_head_dim * (h.ssm_state_size or 128)
    elif h.linear_heads and h.linear_head_dim:
        per_layer = h.linear_heads * h.linear_head_dim**2
    else:
        per_layer = (
            (h.linear_value_heads or 0) * (h.linear_value_head_dim or 0) * (h.linear_key_head_dim or 0)
        )
    return float(h.linear_layers * per_layer)
