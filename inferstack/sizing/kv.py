"""KV-cache pages as vLLM's V1 allocator makes them: bytes per block, blocks per request, tokens it reports.

Every layer keeps a page per block. Layers of one kind form groups of equal size that share a pool of blocks,
so a block costs the largest group's pages and a request needs blocks in every group: all tokens for full
attention, the window (and what is in flight) for sliding attention, a few states for linear attention.
(vLLM 0.33 v1/core/kv_cache_planning.py and kv_cache_utils.py; older rules where the version is older.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from inferstack.sizing.tensors import attention_layers, head_dim, kv_heads_per_rank

if TYPE_CHECKING:
    from inferstack.catalog.types import Architecture, Hybrid

Version = tuple[int, ...]

HYBRID_ALLOCATOR: Final[Version] = (0, 10)
"""From here on sliding layers keep their window only; before, all tokens."""
STATE_PREFIX_CACHING: Final[Version] = (0, 17)
"""From here on prefix caching keeps two states per request and layer of linear attention."""
CAPACITY_FROM_CONCURRENCY: Final[Version] = (0, 22)
"""From here on the reported tokens are max concurrency times the model length."""
ASYNC_WINDOWS: Final[Version] = (0, 24)
"""From here on sliding windows reserve for two batches in flight."""

_FP8_DS_MLA_BYTES: Final = 656
"""Hopper's sparse MLA layout: 512 fp8 + 16 bytes of scales + 64 bf16 (FlashMLA sparse)."""
_V4_ENTRY_BYTES: Final = 584
"""DeepSeek V4's compressed entry: 448 fp8, 64 bf16 and scales."""
_INDEXER_BYTES: Final = 132

GroupKind = Literal["full", "window", "chunk", "state"]


@dataclass(frozen=True, slots=True)
class Group:
    """Layers of one kind: ``count`` groups of up to ``layers`` layers each."""

    kind: GroupKind
    count: int
    block_size: int
    window: int = 0


@dataclass(frozen=True, slots=True)
class Pool:
    """The cache of one rank: what a block of all groups costs and which groups draw from it."""

    bytes_per_block: float
    groups: tuple[Group, ...]

    def blocks_per_request(self, tokens: int, *, in_flight: int, states: int) -> int:
        """Blocks that one request of ``tokens`` needs at most."""
        total = 0
        for group in self.groups:
            total += group.count * _blocks(group, tokens, in_flight=in_flight, states=states)
        return total


@dataclass(frozen=True, slots=True)
class Capacity:
    blocks: int
    tokens: int
    """As vLLM logs it ("GPU KV cache size")."""
    max_concurrency: float
    needed_bytes: float
    """For one request of the model length."""


def _blocks(group: Group, tokens: int, *, in_flight: int, states: int) -> int:
    if group.kind == "full":
        return -(-tokens // group.block_size)
    if group.kind == "state":
        return states
    if group.kind == "chunk":
        return -(-min(group.window + in_flight, tokens) // group.block_size)
    return -(-min(group.window - 1 + in_flight, tokens) // group.block_size) + 1


@lru_cache(maxsize=4096)
def pool(
    architecture: Architecture,
    tp: int,
    layers: int,
    element_bytes: float,
    version: Version,
    capability: float,
) -> Pool:
    """The KV pool of one rank that has ``layers`` of the model's layers.

    ``element_bytes``: 2 for 16-bit caches, 1 for fp8. ``capability``: CUDA compute capability.
    """
    share = layers / architecture.num_layers
    if architecture.attention.startswith("hybrid (CSA"):
        return _compressed_pool(architecture, share)
    if architecture.mla is not None:
        return _latent_pool(architecture, tp, share, element_bytes, capability)
    width = head_dim(architecture)
    heads = kv_heads_per_rank(architecture.num_kv_heads, tp)
    per_token = 2 * heads * width * element_bytes
    if architecture.hybrid is not None and architecture.hybrid.linear_layers:
        return _state_pool(architecture.hybrid, tp, share, per_token)
    if architecture.sliding_window is not None and version >= HYBRID_ALLOCATOR:
        return _window_pool(architecture, tp, share, element_bytes)
    stored = _stored_layers(architecture) * share
    return Pool(16 * per_token * stored, (Group("full", 1, 16),))


def _stored_layers(a: Architecture) -> int:
    """Layers that store keys and values of their own (Gemma 4's last layers reuse others')."""
    return attention_layers(a) - (a.num_kv_shared_layers or 0)


def _window_pool(a: Architecture, tp: int, share: float, element_bytes: float) -> Pool:
    assert a.sliding_window is not None
    full, sliding = _window_layers(a)
    narrow = 2 * kv_heads_per_rank(a.num_kv_heads, tp) * head_dim(a) * element_bytes
    wide = narrow
    if a.global_head_dim:
        wide = (
            2
            * kv_heads_per_rank(a.global_num_kv_heads or a.num_kv_heads, tp)
            * a.global_head_dim
            * element_bytes
        )
    # The page is that of the wider layer; the narrower kind gets more tokens to a block, or padding.
    page = 16 * max(narrow, wide)
    if not full or not sliding:
        return Pool(
            page * (full + sliding) * share,
            (Group("full" if full else "window", 1, 16, a.sliding_window.size),),
        )
    size = max(full, sliding) if max(full, sliding) < 1.5 * min(full, sliding) else min(full, sliding)
    groups = (
        Group("full", -(-full // size), _block_size(page, wide)),
        Group(
            "chunk" if "chunked" in (a.sliding_window.pattern or "") else "window",
            -(-sliding // size),
            _block_size(page, narrow),
            a.sliding_window.size,
        ),
    )
    return Pool(page * size * share, groups)


def _block_size(page: float, per_token: float) -> int:
    """Tokens in a page: the largest multiple of 16 that divides it without rest, else 16 and padding."""
    tokens = page / per_token
    return int(tokens) if tokens == int(tokens) else 16


def _window_layers(a: Architecture) -> tuple[int, int]:
    assert a.sliding_window is not None
    if a.num_kv_shared_layers and a.kv_cache is not None:
        return a.kv_cache.full_layers, a.kv_cache.sliding_layers
    return a.sliding_window.full_attention_layers, a.sliding_window.sliding_layers


def _latent_pool(a: Architecture, tp: int, share: float, element_bytes: float, capability: float) -> Pool:
    assert a.mla is not None
    per_token = ((a.mla.kv_lora_rank or 0) + a.mla.qk_rope_head_dim) * element_bytes
    indexed = (a.kv_cache.indexer_bytes_per_token or 0) if a.kv_cache else 0
    if indexed and element_bytes < 2 and capability < 10:
        per_token = _FP8_DS_MLA_BYTES
    if a.hybrid is not None and a.hybrid.linear_layers:
        return _state_pool(a.hybrid, tp, share, per_token, alignment=128)
    block = 64 if capability >= 9 else 16
    bytes_per_block = block * (attention_layers(a) * per_token + indexed) * share
    return Pool(bytes_per_block, (Group("full", 1, block),))


def _compressed_pool(a: Architecture, share: float) -> Pool:
    """DeepSeek V4: compressed entries for all tokens and a short window in every layer."""
    assert a.kv_cache is not None
    assert a.sliding_window is not None
    csa, hca = a.kv_cache.csa_layers or 0, a.kv_cache.hca_layers or 0
    per_token = (csa / 4 + hca / 128) * _V4_ENTRY_BYTES + csa / 4 * _INDEXER_BYTES
    return Pool(
        256 * per_token * share, (Group("full", 1, 256), Group("window", 1, 256, a.sliding_window.size))
    )


def state_bytes(hybrid: Hybrid, tp: int) -> float:
    """One layer's fixed state of one sequence: a 16-bit convolution window and a 32-bit matrix."""
    kernel = (hybrid.conv_kernel or 1) - 1
    if hybrid.linear_kind == "mamba2":
        heads, width, state = hybrid.mamba_heads or 0, hybrid.mamba_head_dim or 0, hybrid.ssm_state_size or 0
        groups = max(hybrid.n_groups or 1, tp)
        return kernel * (heads * width + 2 * groups * state) / tp * 2 + heads / tp * width * state * 4
    if hybrid.linear_kind == "kimi_delta_attention":
        heads, width = hybrid.linear_heads or 0, hybrid.linear_head_dim or 0
        return kernel * 3 * heads * width / tp * 2 + heads / tp * width * width * 4
    keys = (hybrid.linear_key_heads or 0) * (hybrid.linear_key_head_dim or 0)
    heads, width = hybrid.linear_value_heads or 0, hybrid.linear_value_head_dim or 0
    return (
        kernel * (2 * keys + heads * width) / tp * 2
        + heads / tp * width * (hybrid.linear_key_head_dim or 0) * 4
    )


def _state_pool(hybrid: Hybrid, tp: int, share: float, per_token: float, alignment: int = 16) -> Pool:
    """Attention pages grow until a linear-attention state fits one; both kinds share blocks of that size."""
    state = state_bytes(hybrid, tp)
    block = alignment * max(1, -(-int(state) // int(alignment * per_token)))
    full, linear = hybrid.full_attention_layers, hybrid.linear_layers
    size = max(full, linear) if max(full, linear) < 1.5 * min(full, linear) else min(full, linear)
    groups = (Group("full", -(-full // size), block), Group("state", -(-linear // size), block))
    return Pool(block * per_token * size * share, groups)


def capacity(
    pool_: Pool,
    available_bytes: float,
    *,
    max_model_len: int,
    in_flight: int,
    version: Version,
    prefix_caching: bool = True,
) -> Capacity:
    """Blocks, tokens and concurrency that ``available_bytes`` of one rank hold."""
    blocks = max(0, int(available_bytes // pool_.bytes_per_block))
    states = 2 if prefix_caching and version >= STATE_PREFIX_CACHING else 1
    window_flight = in_flight * (2 if version >= ASYNC_WINDOWS else 1)
    needed = pool_.blocks_per_request(max_model_len, in_flight=window_flight, states=states)
    concurrency = blocks / needed
    full = next((g.block_size for g in pool_.groups if g.kind == "full"), pool_.groups[0].block_size)
    number = sum(group.count for group in pool_.groups)
    if version >= CAPACITY_FROM_CONCURRENCY:
        tokens = int(concurrency * max_model_len)
    else:
        tokens = blocks // number * full
    return Capacity(blocks, tokens, concurrency, needed * pool_.bytes_per_block)
