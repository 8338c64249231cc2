"""What one token costs a network: elements read, multiplications done, KV bytes kept, layer by layer kind.

Pure counting from the architecture; no GPU, no efficiency, no parallelism here. Sizes are element counts of
the whole model; a multiply-add of one token with one weight is 2 floating point operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inferstack.catalog.types import Architecture, Hybrid, Moe

# Networks searched layer by layer publish no common MLP width; 2.5 x hidden is the mean of the 49B Nemotron.
_NAS_MLP_RATIO = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Counts of a network, split the way kernels see it."""

    layers: int
    attention_layers: int
    """Layers with a KV cache."""
    moe_layers: int
    hidden: int
    attention_elements: float
    """Linear projections of all attention and linear-attention layers."""
    dense_elements: float
    """Dense MLPs, shared experts, routers."""
    expert_elements: float
    """All routed experts of all layers."""
    num_experts: int
    experts_per_token: int
    head_elements: float
    """The output head: read once a step."""
    kv_heads: int
    kv_elements_full: float
    """KV elements per token, layers that see the whole context."""
    kv_elements_sliding: float
    window: int
    state_elements: float
    """Recurrent state per sequence, read and written every step."""
    attention_flops_full: float
    """Per token and per token of context."""
    attention_flops_sliding: float
    is_mla: bool

    @property
    def active_elements(self) -> float:
        """Linear weights that one token multiplies with, without the head."""
        routed = self.expert_elements * self.experts_per_token / max(self.num_experts, 1)
        return self.attention_elements + self.dense_elements + routed

    def kv_elements(self, context: float) -> float:
        """KV elements that one decode step of a sequence of ``context`` tokens reads."""
        return self.kv_elements_full * context + self.kv_elements_sliding * min(context, self.window)


def network_of(architecture: Architecture) -> Network:
    """Count a network from its shape."""
    a = architecture
    full, sliding, linear = _layer_kinds(a)
    head_dim = a.head_dim or a.hidden_size // a.num_attention_heads
    moe_layers, dense_layers = _mlp_layers(a)
    mla = a.mla is not None and a.mla.kv_lora_rank is not None
    kv_layer, flops_layer = _attention_layer_costs(a, head_dim)
    full_ratio = _full_layer_kv_ratio(a, head_dim)
    return Network(
        layers=a.num_layers,
        attention_layers=full + sliding,
        moe_layers=moe_layers,
        hidden=a.hidden_size,
        attention_elements=(full + sliding) * _attention_elements(a, head_dim)
        + linear * _linear_attention_elements(a),
        dense_elements=_dense_elements(a, dense_layers, moe_layers),
        expert_elements=_expert_elements(a.moe, a, moe_layers) if a.moe else 0.0,
        num_experts=a.moe.num_experts if a.moe else 0,
        experts_per_token=a.moe.experts_per_token if a.moe else 0,
        head_elements=0.0 if a.kind == "encoder" else float(a.vocab_size) * a.hidden_size,
        kv_heads=1 if mla else a.num_kv_heads,
        kv_elements_full=full * kv_layer * full_ratio,
        kv_elements_sliding=sliding * kv_layer,
        window=a.sliding_window.size if a.sliding_window else 0,
        state_elements=linear * _state_elements(a.hybrid),
        attention_flops_full=full * flops_layer,
        attention_flops_sliding=sliding * flops_layer,
        is_mla=mla,
    )


def _layer_kinds(a: Architecture) -> tuple[int, int, int]:
    """Layers with full attention, with a sliding window, with linear attention."""
    if a.hybrid is not None:
        return a.hybrid.full_attention_layers, 0, a.hybrid.linear_layers
    if a.sliding_window is not None:
        return a.sliding_window.full_attention_layers, a.sliding_window.sliding_layers, 0
    return a.num_layers, 0, 0


def _mlp_layers(a: Architecture) -> tuple[int, int]:
    """Layers with routed experts, layers with a dense MLP."""
    if a.moe is None:
        return 0, a.num_layers
    if a.hybrid is not None and a.hybrid.moe_layers is not None:
        return a.hybrid.moe_layers, 0
    dense = a.moe.dense_layers if a.moe.dense_layers is not None else a.moe.first_dense_layers
    return a.num_layers - dense, dense


def _attention_elements(a: Architecture, head_dim: int) -> float:
    if a.mla is not None:
        m = a.mla
        qk = m.qk_nope_head_dim + m.qk_rope_head_dim
        heads = a.num_attention_heads
        q = (
            a.hidden_size * m.q_lora_rank + m.q_lora_rank * heads * qk
            if m.q_lora_rank
            else a.hidden_size * heads * qk
        )
        if m.kv_lora_rank is None:
            return float(q + a.hidden_size * head_dim * 2 + a.hidden_size * heads * head_dim // 8)
        kv = a.hidden_size * (m.kv_lora_rank + m.qk_rope_head_dim)
        kv += m.kv_lora_rank * heads * (m.qk_nope_head_dim + m.v_head_dim)
        return float(q + kv + heads * m.v_head_dim * a.hidden_size)
    q_out = a.num_attention_heads * head_dim
    return float(a.hidden_size * (2 * q_out + 2 * a.num_kv_heads * head_dim))


def _linear_attention_elements(a: Architecture) -> float:
    h = a.hybrid
    if h is None or h.linear_layers == 0:
        return 0.0
    if h.mamba_heads and h.mamba_head_dim:
        inner = h.mamba_heads * h.mamba_head_dim
        groups = (h.n_groups or 1) * (h.ssm_state_size or 128)
        return float(a.hidden_size * (3 * inner + 2 * groups + h.mamba_heads))
    if h.linear_heads and h.linear_head_dim:
        return 4.0 * a.hidden_size * h.linear_heads * h.linear_head_dim
    key = (h.linear_key_heads or 0) * (h.linear_key_head_dim or 0)
    value = (h.linear_value_heads or 0) * (h.linear_value_head_dim or 0)
    return float(a.hidden_size * (2 * key + 3 * value))


def _state_elements(h: Hybrid | None) -> float:
    if h is None or h.linear_layers == 0:
        return 0.0
    if h.mamba_heads and h.mamba_head_dim:
        return float(h.mamba_heads * h.mamba_head_dim * (h.ssm_state_size or 128))
    if h.linear_heads and h.linear_head_dim:
        return float(h.linear_heads * h.linear_head_dim**2)
    return float((h.linear_value_heads or 0) * (h.linear_value_head_dim or 0) * (h.linear_key_head_dim or 0))


def _dense_elements(a: Architecture, dense_layers: int, moe_layers: int) -> float:
    matrices = 3 if a.gated_mlp else 2
    width = a.intermediate_size if a.intermediate_size is not None else int(_NAS_MLP_RATIO * a.hidden_size)
    total = float(dense_layers * matrices * a.hidden_size * width)
    if a.moe is not None:
        shared = a.moe.num_shared_experts * (
            a.moe.shared_expert_intermediate_size or a.moe.moe_intermediate_size
        )
        shared += a.moe.parallel_dense_mlp or 0
        total += moe_layers * a.hidden_size * (matrices * shared + a.moe.num_experts)
    return total


def _expert_elements(moe: Moe, a: Architecture, moe_layers: int) -> float:
    matrices = 3 if a.gated_mlp else 2
    hidden = moe.routed_expert_hidden_size or moe.moe_latent_size or a.hidden_size
    return float(moe_layers * moe.num_experts * matrices * hidden * moe.moe_intermediate_size)


def _attention_layer_costs(a: Architecture, head_dim: int) -> tuple[float, float]:
    """KV elements per token and attention operations per token and context token, of one layer."""
    if a.mla is not None and a.mla.kv_lora_rank is not None:
        m = a.mla
        per_head = m.qk_nope_head_dim + m.qk_rope_head_dim + m.v_head_dim
        kv_lora = a.mla.kv_lora_rank
        return float(kv_lora + m.qk_rope_head_dim), 2.0 * a.num_attention_heads * per_head
    return 2.0 * a.num_kv_heads * head_dim, 4.0 * a.num_attention_heads * head_dim


def _full_layer_kv_ratio(a: Architecture, head_dim: int) -> float:
    """Full layers may have other heads than sliding ones (Gemma 4)."""
    if a.global_head_dim is None and a.global_num_kv_heads is None:
        return 1.0
    heads = a.global_num_kv_heads or a.num_kv_heads
    return heads * (a.global_head_dim or head_dim) / (a.num_kv_heads * head_dim)
