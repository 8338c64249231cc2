"""Memory of what runs beside the model on one rank: what guesses tokens ahead, and LoRA adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferstack.sizing.kernels import kernel_of
from inferstack.sizing.lora import adapters_gib
from inferstack.sizing.network import network_of
from inferstack.sizing.speculation import proposer_of
from inferstack.sizing.tensors import embedding_elements, kv_heads_per_rank, layer_elements
from inferstack.sizing.weight_formats import Part
from inferstack.sizing.weights import stages
from inferstack.units import GIB

if TYPE_CHECKING:
    from inferstack.catalog.types import Architecture
    from inferstack.sizing.types import Deployment


def companions_gib(deployment: Deployment) -> float:
    """Weights beside the model's own on one GPU."""
    d = deployment
    return _proposer_gib(d) + adapters_gib(d.adapters, d.architecture, d.tp)


def cache_share(deployment: Deployment) -> float:
    """Share of the KV cache left to the model: what guesses keeps the same tokens in its own layers."""
    found = proposer_of(deployment)
    own = _cache_elements(deployment.architecture, deployment.tp)
    if found is None or not own:
        return 1.0
    network, share = found
    return own / (own + _cache_elements(network.architecture, network.tp) * share)


def _cache_elements(architecture: Architecture, tp: int) -> float:
    """Per token, on one rank."""
    n = network_of(architecture)
    ranks = kv_heads_per_rank(n.kv_heads, tp) / n.kv_heads
    return (n.kv_elements_full + n.kv_elements_sliding) * ranks


def _proposer_gib(d: Deployment) -> float:
    found = proposer_of(d)
    if found is None or d.speculation is None:
        return 0.0
    network, share = found
    if d.speculation.draft is not None:
        blackwell = d.gpu.compute_capability >= 10
        (stage,) = stages(network.architecture, None, d.tp, 1, False, blackwell)
        return stage.weight_bytes / GIB
    layers = sum(
        count * kernel_of(d, part).bits / 8
        for part, count in layer_elements(
            d.architecture, d.tp, expert_parallel=d.expert_parallel, data_parallel=d.data_parallel
        ).items()
    )
    own_head = d.speculation.method == "eagle3"  # an MTP layer shares the model's
    head = embedding_elements(d.architecture, d.tp) * kernel_of(d, Part.HEAD).bits / 8 if own_head else 0.0
    return (layers * share + head) / GIB
