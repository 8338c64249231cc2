"""Ranks that share a model's experts and step together: when they are worth a look, and what that costs.

With data-parallel attention every rank holds attention and a KV cache of its own and the routed experts are
spread over all GPUs. Each layer of experts gathers the tokens of all ranks, so no rank can run ahead: a step
is as long as its longest rank, and an idle rank runs empty steps.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

from inferstack.plain_yaml import read_yaml

if TYPE_CHECKING:
    from inferstack.catalog.types import Architecture

_FILE: Final = Path(__file__).parent / "data" / "data_parallel.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class RankCosts:
    """``data/data_parallel.yaml``."""

    sync_ms: float
    sync_over_nodes_ms: float
    node_latency_us: float
    network_share: float
    context_spread: float
    step_tokens: int
    least_rank_tokens: int


@functools.cache
def rank_costs() -> RankCosts:
    return RankCosts(**read_yaml(_FILE))


def copies_cache(architecture: Architecture, gpus: int) -> bool:
    """Whether tensor parallelism over ``gpus`` would keep the same keys and values on several of them."""
    if architecture.moe is None or gpus == 1:
        return False
    return architecture.mla is not None or architecture.num_kv_heads < gpus


def rank_budget(ranks: int, default: int) -> int:
    """Prompt tokens in a step of one rank."""
    costs = rank_costs()
    return min(default, max(costs.least_rank_tokens, costs.step_tokens // ranks))


@functools.lru_cache(maxsize=64)
def longest_of(ranks: int) -> float:
    """Standard deviations by which the largest of ``ranks`` alike values lies above their mean (Blom)."""
    return NormalDist().inv_cdf((ranks - 0.375) / (ranks + 0.25))


def any_of(ranks: int, share: float) -> float:
    """Steps in which one of ``ranks`` has what each has in a ``share`` of its steps."""
    return share if ranks == 1 else 1 - (1 - share) ** ranks
