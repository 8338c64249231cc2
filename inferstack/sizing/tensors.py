"""The matrices of a model, by part, as one tensor-parallel rank holds them in vLLM.

Counts are elements. "Replicated" matrices (norms, routers, latent down-projections) are whole on every rank;
key/value heads are replicated when there are fewer of them than ranks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from inferstack.sizing.weight_formats import Part

if TYPE_CHECKING:
    from inferstack.catalog.types import Architecture, Hybrid, Mla, Moe

_VOCAB_PAD: Final = 64
"""vLLM pads the vocabulary to a multiple of 64 (DEFAULT_VOCAB_PADDING_SIZE)."""
_INDEXER_KEY_BYTES: Final = 132
"""One fp8 key of 128 dimensions and its scale, per token and indexer layer."""
_INDEX_HEAD_DIM: Final = 128
_V4_OUTPUT_RANK: Final = 1024


def padded_vocab(architecture: Architecture) -> int:
    return -(-architecture.vocab_size // _VOCAB_PAD) * _VOCAB_PAD


def head_dim(architecture: Architecture) -> int:
    return architecture.head_dim or architecture.hidden_size // architecture.num_attention_heads


def embedding_elements(architecture: Architecture, tp: int) -> float:
    """One vocabulary matrix (embedding or head) on one rank."""
    return padded_vocab(architecture) * architecture.hidden_size / tp


def embedding_extras(architecture: Architecture, tp: int) -> float:
    """Per-layer embeddings (Gemma 3n and 4) and learned positions, on one rank."""
    a = architecture
    per_layer = a.hidden_size_per_layer_input or 0
    extra = padded_vocab(a) * a.num_layers * per_layer / tp
    if a.kind == "encoder" or a.model_type == "opt":
        extra += (a.max_position or 512) * a.hidden_size
    return extra


def is_tied(architecture: Architecture) -> bool:
    """Encoders have no head at all, which counts like a tied one."""
    return (
        bool(architecture.tie_word_embeddings)
        or architecture.kind == "encoder"
        or not architecture.language_head
    )


def layer_elements(
    architecture: Architecture,
    tp: int,
    *,
    expert_parallel: bool = False,
    blackwell: bool = False,
    data_parallel: int = 1,
) -> dict[Part, float]:
    """All layers together, on one of ``tp`` ranks, without embeddings, head and vision tower.

    ``data_parallel`` such groups share the routed experts, and nothing else.
    """
    total = dict.fromkeys(Part, 0.0)
    experts = _Experts(tp * data_parallel, whole=expert_parallel)
    # Ranks of one tensor-parallel group then pass different tokens through the shared experts.
    shared_over = 1 if expert_parallel and data_parallel > 1 else tp
    feed_forward = _feed_forward(architecture, tp, experts, shared_over, blackwell=blackwell)
    for group in (_attention(architecture, tp), _mixers(architecture, tp), feed_forward):
        for part, count in group.items():
            total[part] += count
    norms = 4 if "gemma" in (architecture.model_type or "") else 2
    total[Part.PLAIN] += architecture.num_layers * norms * architecture.hidden_size
    per_layer = architecture.hidden_size_per_layer_input or 0
    total[Part.PLAIN] += architecture.num_layers * 2 * architecture.hidden_size * per_layer
    total[Part.PLAIN] += architecture.hidden_size * architecture.num_layers * per_layer
    return total


def vision_elements(architecture: Architecture, tp: int) -> float:
    """Vision and audio towers on one rank: vLLM shards them, but for Pixtral's."""
    elements = (architecture.non_text_params_b or 0.0) * 1e9
    return elements if architecture.vision_replicated else elements / tp


# --- attention ---


def _attention(a: Architecture, tp: int) -> dict[Part, float]:
    layers = attention_layers(a)
    if a.attention.startswith("hybrid (CSA"):
        return _compressed_attention(a, tp)
    if a.mla is not None:
        linear, plain = _latent_attention(a, a.mla, tp)
        indexers = (a.kv_cache.indexer_bytes_per_token or 0) / _INDEXER_KEY_BYTES if a.kv_cache else 0
        return {
            Part.ATTENTION: layers * linear + indexers * _indexer(a, a.mla),
            Part.PLAIN: layers * plain,
        }
    sliding = a.sliding_window.sliding_layers if a.sliding_window else 0
    if a.global_head_dim is None:
        return {Part.ATTENTION: layers * _grouped_attention(a, tp, head_dim(a), a.num_kv_heads)}
    wide = _grouped_attention(a, tp, a.global_head_dim, a.global_num_kv_heads or a.num_kv_heads)
    narrow = _grouped_attention(a, tp, head_dim(a), a.num_kv_heads)
    return {Part.ATTENTION: sliding * narrow + (layers - sliding) * wide}


def attention_layers(a: Architecture) -> int:
    """Layers that keep keys and values per token."""
    return a.hybrid.full_attention_layers if a.hybrid else a.num_layers


def kv_heads_per_rank(kv_heads: int, tp: int) -> int:
    return max(1, -(-kv_heads // tp))


def _grouped_attention(a: Architecture, tp: int, width: int, kv_heads: int) -> float:
    heads = a.num_attention_heads / tp
    # Qwen's hybrids gate the attention output, with a gate as wide as the queries.
    queries = 2 * heads if a.attention_gate or "gated GQA" in a.attention else heads
    # Gemma 4 shares keys and values where the global heads are fewer.
    sides = 1 if a.global_num_kv_heads and kv_heads != a.num_kv_heads else 2
    incoming = (queries + sides * kv_heads_per_rank(kv_heads, tp)) * width
    bias = incoming if a.qkv_bias else 0.0
    return incoming * a.hidden_size + heads * width * a.hidden_size + bias


def _latent_attention(a: Architecture, mla: Mla, tp: int) -> tuple[float, float]:
    """Linear and plain elements of one MLA layer; vLLM keeps a 16-bit copy of the absorbed KV matrices."""
    heads = a.num_attention_heads / tp
    width = mla.qk_nope_head_dim + mla.qk_rope_head_dim
    rank = mla.kv_lora_rank or 0
    queries = heads * width * (mla.q_lora_rank or a.hidden_size)
    down = a.hidden_size * ((mla.q_lora_rank or 0) + rank + mla.qk_rope_head_dim)
    up = heads * rank * (mla.qk_nope_head_dim + mla.v_head_dim)
    out = heads * mla.v_head_dim * a.hidden_size
    gate = heads * mla.v_head_dim * a.hidden_size if "gated MLA" in a.attention else 0.0
    return queries + down + up + out + gate, up


def _indexer(a: Architecture, mla: Mla) -> float:
    """DeepSeek sparse attention's indexer, whole on every rank (GLM has 32 heads, DeepSeek 64)."""
    heads = 64 if a.num_attention_heads >= 128 else 32
    rank = mla.q_lora_rank or a.hidden_size
    return rank * heads * _INDEX_HEAD_DIM + a.hidden_size * (_INDEX_HEAD_DIM + heads)


def _compressed_attention(a: Architecture, tp: int) -> dict[Part, float]:
    """DeepSeek V4: low-rank queries and grouped low-rank output around one shared 512-wide key/value head."""
    assert a.mla is not None
    width, rank = head_dim(a), a.mla.q_lora_rank or 0
    heads = a.num_attention_heads / tp
    groups = a.num_attention_heads / 8
    per_layer = a.hidden_size * rank + rank * heads * width + a.hidden_size * width
    per_layer += heads * width * _V4_OUTPUT_RANK + groups * _V4_OUTPUT_RANK * a.hidden_size / tp
    csa = (a.kv_cache.csa_layers or 0) if a.kv_cache else 0
    hca = (a.kv_cache.hca_layers or 0) if a.kv_cache else 0
    compressors = a.hidden_size * width * (4 * csa + 2 * hca)
    indexers = csa * (rank * 64 * _INDEX_HEAD_DIM + a.hidden_size * (4 * _INDEX_HEAD_DIM + 64))
    return {Part.ATTENTION: a.num_layers * per_layer + indexers, Part.PLAIN: compressors}


# --- linear attention and state-space mixers ---


def _mixers(a: Architecture, tp: int) -> dict[Part, float]:
    hybrid = a.hybrid
    if hybrid is None or not hybrid.linear_layers:
        return {}
    one = {
        "gated_deltanet": _delta_net,
        "kimi_delta_attention": _kimi_delta,
        "mamba2": _mamba2,
    }[hybrid.linear_kind](a.hidden_size, hybrid, tp)
    return {part: value * hybrid.linear_layers for part, value in one.items()}


def _delta_net(hidden: int, h: Hybrid, tp: int) -> dict[Part, float]:
    keys = (h.linear_key_heads or 0) * (h.linear_key_head_dim or 0) / tp
    values = (h.linear_value_heads or 0) * (h.linear_value_head_dim or 0) / tp
    gates = 2 * (h.linear_value_heads or 0) / tp * hidden
    conv = (2 * keys + values) * (h.conv_kernel or 0)
    return {Part.MIXER: hidden * (2 * keys + 2 * values) + values * hidden, Part.PLAIN: gates + conv}


def _kimi_delta(hidden: int, h: Hybrid, tp: int) -> dict[Part, float]:
    width = (h.linear_heads or 0) * (h.linear_head_dim or 0) / tp
    low_rank = 2 * (h.linear_head_dim or 0) * (hidden + width)
    conv = 3 * width * (h.conv_kernel or 0)
    return {Part.MIXER: 4 * hidden * width, Part.PLAIN: low_rank + conv + (h.linear_heads or 0) / tp * hidden}


def _mamba2(hidden: int, h: Hybrid, tp: int) -> dict[Part, float]:
    heads = h.mamba_heads or 0
    inner = heads * (h.mamba_head_dim or 0) / tp
    groups = max(h.n_groups or 1, tp) / tp
    state = 2 * groups * (h.ssm_state_size or 0)
    conv = (inner + state) * (h.conv_kernel or 0)
    return {Part.MIXER: hidden * (2 * inner + state + heads / tp) + inner * hidden, Part.PLAIN: conv + inner}


# --- feed-forward ---


class _Experts(NamedTuple):
    """Routed experts over ``gpus``: ``whole`` ones on each, or a slice of every one."""

    gpus: int
    whole: bool


def _feed_forward(
    a: Architecture, tp: int, experts: _Experts, shared_over: int, *, blackwell: bool
) -> dict[Part, float]:
    matrices = 3 if _is_gated(a) else 2
    if a.kind == "nas":
        return {Part.MLP: _nas_mlp(a, tp)}
    if a.moe is None:
        wide = (a.num_kv_shared_layers or 0) if a.double_wide_shared_mlp else 0
        alone = a.hybrid.moe_layers if a.hybrid is not None else None
        layers = a.num_layers if alone is None else alone
        return {Part.MLP: (layers + wide) * matrices * a.hidden_size * (a.intermediate_size or 0) / tp}
    sparse, dense = moe_layers(a, a.moe), dense_layers(a, a.moe)
    width = a.intermediate_size or 0
    total: dict[Part, float] = {Part.MLP: dense * matrices * a.hidden_size * width / tp}
    if a.moe.parallel_dense_mlp:
        total[Part.MLP] += sparse * matrices * a.hidden_size * a.moe.parallel_dense_mlp / tp
    hidden, expert_width = _expert_tiles(a, a.moe, 1 if experts.whole else experts.gpus, blackwell=blackwell)
    count = -(-a.moe.num_experts // (experts.gpus if experts.whole else 1))
    total[Part.EXPERT] = sparse * count * matrices * hidden * expert_width
    total[Part.SHARED] = sparse * matrices * a.hidden_size * shared_width(a.moe) / shared_over
    latent = a.moe.routed_expert_hidden_size or a.moe.moe_latent_size
    if latent:
        total[Part.SHARED] += sparse * 2 * a.hidden_size * latent
    total[Part.PLAIN] = sparse * (a.hidden_size + 1) * a.moe.num_experts
    return total


def _is_gated(a: Architecture) -> bool:
    """Nemotron's squared-ReLU and the classic encoders have two matrices, all others three."""
    squared_relu = a.hybrid is not None and a.hybrid.moe_layers is not None
    return a.gated_mlp and not squared_relu


def moe_layers(a: Architecture, moe: Moe) -> int:
    if a.hybrid is not None and a.hybrid.moe_layers is not None:
        return a.hybrid.moe_layers
    return a.num_layers - dense_layers(a, moe)


def dense_layers(a: Architecture, moe: Moe) -> int:
    if a.hybrid is not None and a.hybrid.moe_layers is not None:
        return 0
    return moe.dense_layers if moe.dense_layers is not None else moe.first_dense_layers


def shared_width(moe: Moe) -> int:
    """Width of all shared experts together."""
    if not moe.num_shared_experts:
        return 0
    return moe.shared_expert_intermediate_size or moe.num_shared_experts * moe.moe_intermediate_size


def _expert_tiles(a: Architecture, moe: Moe, slices: int, *, blackwell: bool) -> tuple[float, float]:
    """Hidden size and width of one expert on one rank.

    gpt-oss kernels pad both to whole tiles: hidden to 256, the sharded width to 128, on Blackwell 256
    (vLLM's mxfp4 oracle).
    """
    hidden = moe.routed_expert_hidden_size or moe.moe_latent_size or a.hidden_size
    width = moe.moe_intermediate_size / slices
    if a.native_dtype == "mxfp4" and a.mla is None:
        tile = 256 if blackwell else 128
        return -(-hidden // 256) * 256.0, float(-(-width // tile) * tile)
    return float(hidden), width


def _nas_mlp(a: Architecture, tp: int) -> float:
    """Nemotron-Super's per-layer widths sum to what the published total leaves for the MLPs."""
    attention = sum(_attention(a, 1).values())
    rest = 2 * embedding_elements(a, 1) + attention
    return max(0.0, _NAS_TOTAL - rest) / tp


_NAS_TOTAL: Final = 49.87e9
"""Parameters of Llama-3.3-Nemotron-Super-49B, the one model of this kind (from its per-layer config)."""
