"""How long one engine step takes: linear layers, experts, attention, communication and overhead.

A step runs ``decodes`` sequences by one token and ``prefill`` prompt tokens in the same pass. Every part is
physics with a fitted achieved fraction: bytes over bandwidth and operations over peak compute, blended by a
smooth maximum, plus launch and scheduler overhead. The fractions are in ``data/performance.json``; see
``constants.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inferstack.sizing.kernels import Kernel, kernels_of
from inferstack.sizing.network import Network, network_of

if TYPE_CHECKING:
    from inferstack.sizing.constants import Constants, EngineConstants
    from inferstack.sizing.types import Deployment


@dataclass(frozen=True, slots=True)
class Linear:
    """A group of matrices of one format on one GPU: ms to read them once, ms of compute per token."""

    read_ms: float
    compute_ms_per_token: float


class StepModel:
    """Step time of one engine (``tp * pp`` GPUs) in ms, as a function of what is in the step.

    ``world`` ranks share the routed experts when the deployment is expert-parallel over several data-parallel
    engines; it is ``tp`` otherwise.
    """

    __slots__ = (
        "_allreduce_base_ms", "_allreduce_ms_per_token", "_attention_ms", "_chunk_ms", "_coverage_base",
        "_dense", "_experts", "_experts_per_token", "_head", "_kv_full_ms", "_kv_sliding_ms", "_launch_ms",
        "_sequence_ms", "_sharpness", "_sliding_attention_ms", "_state_ms", "_window", "network", "pp",
    )  # fmt: skip

    def __init__(
        self,
        deployment: Deployment,
        constants: Constants,
        engine: EngineConstants,
        *,
        world: int | None = None,
    ) -> None:
        d = deployment
        self.network = n = network_of(d.architecture)
        self.pp = d.pp
        shards = d.tp
        kernels = kernels_of(d)
        rates = _Rates(deployment, constants, engine)
        self._sharpness = constants.sharpness
        self._dense = tuple(
            rates.linear(kernel, elements / shards, elements / shards)
            for kernel, elements in _merge(
                (kernels.attention, n.attention_elements), (kernels.dense, n.dense_elements)
            )
        )
        self._head = rates.linear(kernels.head, n.head_elements / shards, n.head_elements / shards)
        self._set_experts(d, n, kernels.experts, rates, constants, world or d.tp)
        self._set_attention(d, n, rates, constants)
        self._set_communication(d, n, rates, constants)
        moe_share = n.moe_layers * constants.moe_layer_us
        self._launch_ms = engine.step_ms + engine.launch * (n.layers * constants.layer_us + moe_share) / 1e3
        self._sequence_ms = engine.sequence_us / 1e3
        self._chunk_ms = engine.launch * n.layers * constants.prefill_layer_us / 1e3

    def _set_experts(
        self, d: Deployment, n: Network, kernel: Kernel, rates: _Rates, constants: Constants, world: int
    ) -> None:
        per_rank = n.expert_elements / world
        active = n.expert_elements * n.experts_per_token / max(n.num_experts, 1) / d.tp
        imbalance = constants.expert_parallel_imbalance if d.expert_parallel and world > 1 else 1.0
        group = rates.linear(
            kernel, per_rank / constants.moe_bandwidth, active * imbalance / constants.moe_compute
        )
        self._experts = group if n.num_experts else None
        self._experts_per_token = world / d.tp
        share = n.experts_per_token / n.num_experts if n.num_experts else 0.0
        self._coverage_base = (1.0 - share) ** constants.routing_spread if share < 1.0 else 0.0

    def _set_attention(self, d: Deployment, n: Network, rates: _Rates, constants: Constants) -> None:
        kv_bytes = kv_element_bytes(d)
        heads = n.kv_heads / max(1.0, n.kv_heads / d.tp) if n.kv_heads >= d.tp else 1.0
        del heads
        shards = min(d.tp, n.kv_heads)
        per_ms = rates.bandwidth_bytes_per_ms * constants.attention_bandwidth
        if n.is_mla:
            per_ms *= constants.mla_bandwidth
        self._kv_full_ms = n.kv_elements_full * kv_bytes / shards / per_ms
        self._kv_sliding_ms = n.kv_elements_sliding * kv_bytes / shards / per_ms
        self._window = n.window
        self._state_ms = 2 * n.state_elements * 2 / d.tp / per_ms
        flops_per_ms = rates.flops_per_ms(16) * constants.attention_compute
        self._attention_ms = n.attention_flops_full / d.tp / flops_per_ms
        self._sliding_attention_ms = n.attention_flops_sliding / d.tp / flops_per_ms

    def _set_communication(self, d: Deployment, n: Network, rates: _Rates, constants: Constants) -> None:
        self._allreduce_base_ms = self._allreduce_ms_per_token = 0.0
        if d.tp == 1:
            return
        link = constants.nvlink if rates.nvlink else constants.pcie
        gigabytes_per_s = link.fraction * (rates.link_gb_per_s / 2)
        reductions = 2 * n.layers
        wire = 2 * (d.tp - 1) / d.tp * n.hidden * 2
        self._allreduce_base_ms = reductions * link.latency_us * (1 + 0.15 * (d.tp.bit_length() - 2)) / 1e3
        self._allreduce_ms_per_token = reductions * wire / (gigabytes_per_s * 1e6)

    def step_ms(
        self, decodes: float, context_sum: float, prefill: float = 0.0, prefill_context: float = 0.0
    ) -> float:
        """Time of one step.

        ``context_sum``: context tokens of all decoding sequences together. ``prefill_context``: mean context
        that a prompt token of this step attends to.
        """
        if self.pp > 1:
            decodes, context_sum, prefill = decodes / self.pp, context_sum / self.pp, prefill / self.pp
        tokens = decodes + prefill
        sampled = max(decodes, 1.0)
        p = self._sharpness
        total = self._launch_ms + self._sequence_ms * decodes
        for group in self._dense:
            total += (group.read_ms**p + (group.compute_ms_per_token * tokens) ** p) ** (1 / p)
        head = self._head
        total += (head.read_ms**p + (head.compute_ms_per_token * sampled) ** p) ** (1 / p)
        if self._experts is not None:
            covered = 1.0 - self._coverage_base ** (tokens * self._experts_per_token)
            read = self._experts.read_ms * covered
            total += (read**p + (self._experts.compute_ms_per_token * tokens) ** p) ** (1 / p)
        if decodes:
            total += self._kv_full_ms * context_sum + self._state_ms * decodes
            if self._kv_sliding_ms:
                total += self._kv_sliding_ms * min(context_sum, self._window * decodes)
        if self._allreduce_base_ms:
            total += self._allreduce_base_ms + self._allreduce_ms_per_token * tokens
        if prefill:
            total += self._chunk_ms + self._attention_ms * prefill * prefill_context
            if self._sliding_attention_ms:
                total += self._sliding_attention_ms * prefill * min(prefill_context, self._window)
        return total


class _Rates:
    """What one GPU achieves: bytes per ms and operations per ms, by weight format."""

    def __init__(self, deployment: Deployment, constants: Constants, engine: EngineConstants) -> None:
        gpu = deployment.gpu
        self._gpu = gpu
        self._constants = constants
        self._engine = engine
        own = constants.gpu(gpu.id)
        self._compute = own.compute * engine.compute
        self.bandwidth_bytes_per_ms = (
            (gpu.memory_bandwidth_gb_per_s or 0.0) * 1e6 * constants.bandwidth * own.bandwidth
        )
        self.nvlink = (
            gpu.nvlink_gb_per_s_bidirectional > 0 if deployment.nvlink is None else deployment.nvlink
        )
        self.link_gb_per_s = (
            (gpu.nvlink_gb_per_s_bidirectional or 600.0) if self.nvlink else pcie_gb_per_s(gpu.pcie)
        )

    def flops_per_ms(self, compute_bits: int) -> float:
        gpu = self._gpu
        sixteen = gpu.bf16_dense_tflops or gpu.fp16_dense_tflops or 0.0
        peak = {8: gpu.fp8_dense_tflops, 4: gpu.fp4_dense_tflops}.get(compute_bits) or sixteen
        return peak * 1e9 * self._compute

    def linear(self, kernel: Kernel, stored_elements: float, multiplied_elements: float) -> Linear:
        efficiency = self._constants.kernel(kernel.name)
        per_ms = self.bandwidth_bytes_per_ms * efficiency.bandwidth
        flops = self.flops_per_ms(kernel.compute_bits) * efficiency.compute
        return Linear(stored_elements * kernel.bits / 8 / per_ms, 2 * multiplied_elements / flops)


def kv_element_bytes(deployment: Deployment) -> float:
    """Bytes of one KV element."""
    return 1.0 if (deployment.kv_cache_dtype or "auto").startswith("fp8") else 2.0


def pcie_gb_per_s(pcie: str | None) -> float:
    """Both directions of a x16 slot."""
    for generation, rate in (("6", 256.0), ("5", 128.0), ("4", 64.0), ("3", 32.0)):
        if pcie and generation in pcie.split("/")[0]:
            return rate
    return 64.0


def _merge(*groups: tuple[Kernel, float]) -> tuple[tuple[Kernel, float], ...]:
    """Matrices of the same kernel count as one group."""
    merged: dict[Kernel, float] = {}
    for kernel, elements in groups:
        if elements:
            merged[kernel] = merged.get(kernel, 0.0) + elements
    return tuple(merged.items())
