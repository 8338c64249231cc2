"""Does a deployment fit, and how many tokens of KV cache are left?

``utilization x memory CUDA reports = weights + activation peak + outside torch + CUDA graphs + KV cache``, on
the fullest rank. Graphs count from vLLM 0.21 on; before, they came on top.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from inferstack.sizing.companions import cache_share, companions_gib
from inferstack.sizing.hardware import cache_element_bytes, unsupported
from inferstack.sizing.kv import Capacity, capacity, pool
from inferstack.sizing.overhead import activation_gib, graphs_gib, non_torch_gib
from inferstack.sizing.types import Fit
from inferstack.sizing.vllm_defaults import V1_SINCE, Limits, limits
from inferstack.sizing.weights import Stage, stages
from inferstack.units import GIB

if TYPE_CHECKING:
    from inferstack.sizing.types import Deployment


_CONTEXT_GIB: Final = 0.30
"""CUDA context and driver on a GPU before vLLM starts (0.4 to 0.5 GiB seen; headless cards have less)."""


@dataclass(frozen=True, slots=True)
class Budget:
    """One rank's memory in GiB."""

    stage: Stage
    weights: float
    activation: float
    non_torch: float
    graphs: float
    kv: float
    companions: float


def fit(deployment: Deployment) -> Fit:
    """Memory of one engine on its fullest GPU; ``fits`` is False, with the reason, when it would not start.

    Raises InputError for a quantization or version that means nothing.
    """
    limits_ = limits(deployment)
    budgets = [_budget(deployment, stage, limits_) for stage in _stages(deployment)]
    capacities = [_capacity(deployment, budget, limits_) for budget in budgets]
    tightest = min(range(len(budgets)), key=lambda i: (capacities[i].blocks, budgets[i].kv))
    reason = unsupported(deployment) or _shortage(
        deployment, budgets[tightest], capacities[tightest], limits_
    )
    return _answer(deployment, limits_, budgets[tightest], capacities[tightest], reason)


def checkpoint_gib(deployment: Deployment, weights_gib_per_gpu: float) -> float:
    """What is read to fill a server's GPUs once: data-parallel ranks hold copies of all but the experts."""
    if deployment.data_parallel == 1:
        return weights_gib_per_gpu * deployment.gpus
    alone = replace(deployment, data_parallel=1, expert_parallel=False)
    return sum(stage.weight_bytes for stage in _stages(alone)) * alone.tp / GIB


def _stages(deployment: Deployment) -> tuple[Stage, ...]:
    d = deployment
    blackwell = d.gpu.compute_capability >= 10
    return stages(d.architecture, d.quantization, d.tp, d.pp, d.expert_parallel, blackwell, d.data_parallel)


def _budget(deployment: Deployment, stage: Stage, limits_: Limits) -> Budget:
    weights = stage.weight_bytes / GIB
    activation = activation_gib(deployment, stage, limits_)
    beside = non_torch_gib(deployment, limits_)
    graphs = graphs_gib(deployment, stage, limits_)
    total = limits_.gpu_memory_utilization * deployment.gpu.cuda_memory_gib
    counted = graphs if limits_.graphs_in_budget else 0.0
    companions = companions_gib(deployment)
    left = total - weights - activation - beside - counted - companions
    own = left * cache_share(deployment) if left > 0 else left
    return Budget(stage, weights, activation, beside, graphs, own, companions + left - own)


def _capacity(deployment: Deployment, budget: Budget, limits_: Limits) -> Capacity:
    pages = pool(
        deployment.architecture,
        deployment.tp,
        max(1, budget.stage.layers),
        cache_element_bytes(deployment),
        limits_.version,
        float(deployment.gpu.compute_capability),
    )
    return capacity(
        pages,
        budget.kv * GIB,
        max_model_len=limits_.max_model_len,
        in_flight=limits_.max_num_batched_tokens,
        version=limits_.version,
        prefix_caching=deployment.prefix_caching,
    )


def _shortage(deployment: Deployment, budget: Budget, room: Capacity, limits_: Limits) -> str | None:
    if budget.kv <= 0:
        return (
            f"no memory left for the KV cache: {-budget.kv:.2f} GiB short of "
            f"{limits_.gpu_memory_utilization:g} x {deployment.gpu.cuda_memory_gib:g} GiB per GPU"
        )
    beside = _beside_the_budget(deployment, budget, limits_)
    if beside is not None or deployment.architecture.kind == "encoder":
        return beside
    if room.max_concurrency < 1:
        return (
            f"one request of {limits_.max_model_len:,} tokens needs {room.needed_bytes / GIB:.2f} GiB of KV "
            f"cache, {budget.kv:.2f} GiB are left; lower the model length or raise the utilization"
        )
    return None


def _beside_the_budget(deployment: Deployment, budget: Budget, limits_: Limits) -> str | None:
    """What the budget does not cover must fit beside it: the context, and CUDA graphs before vLLM 0.21."""
    graphs = 0.0 if limits_.graphs_in_budget else budget.graphs
    free = deployment.gpu.cuda_memory_gib * (1 - limits_.gpu_memory_utilization)
    if limits_.version < V1_SINCE or free >= _CONTEXT_GIB + graphs:
        return None
    what = "the CUDA context" + (" and CUDA graphs" if graphs else "")
    return (
        f"a utilization of {limits_.gpu_memory_utilization:g} leaves {free:.2f} GiB of the GPU; {what} "
        f"need {_CONTEXT_GIB + graphs:.2f}"
    )


def _answer(
    deployment: Deployment, limits_: Limits, budget: Budget, room: Capacity, reason: str | None
) -> Fit:
    encoder = deployment.architecture.kind == "encoder"
    length = f"{limits_.max_model_len:,}"
    fits = f"{room.tokens:,} tokens of KV cache, {room.max_concurrency:.2f} requests of {length}"
    fits += f" on each of {deployment.data_parallel} ranks" if deployment.data_parallel > 1 else ""
    return Fit(
        fits=reason is None,
        reason=reason or ("fits; encoders keep no KV cache" if encoder else fits),
        weights_gib_per_gpu=budget.weights,
        activation_gib_per_gpu=budget.activation,
        non_torch_gib_per_gpu=budget.non_torch,
        cuda_graphs_gib_per_gpu=budget.graphs,
        kv_cache_gib_per_gpu=budget.kv,
        kv_cache_tokens=0 if encoder else room.tokens,
        max_model_len=limits_.max_model_len,
        max_concurrency=0.0 if encoder else room.max_concurrency,
        gpu_memory_gib=deployment.gpu.cuda_memory_gib,
        gpu_memory_utilization=limits_.gpu_memory_utilization,
        max_num_seqs=limits_.max_num_seqs,
        max_num_batched_tokens=limits_.max_num_batched_tokens,
        companions_gib_per_gpu=budget.companions,
        ranks=deployment.data_parallel,
    )
