"""How long one engine step takes: linear layers, experts, attention, communication and overhead.

A step runs ``decodes`` sequences by one token and ``prefill`` prompt tokens in the same pass. Every part is
physics with a fitted achieved share: bytes over bandwidth and operations over peak compute, blended by a
smooth maximum, plus launches and the scheduler. The shares are in ``constants``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from inferstack.sizing.data_parallel import longest_of, rank_costs
from inferstack.sizing.hardware import cache_element_bytes
from inferstack.sizing.kernels import Kernel, kernel_of
from inferstack.sizing.lora import ELEMENT_BYTES, LAYER_US, AdapterCost, adapter_widths
from inferstack.sizing.network import network_of
from inferstack.sizing.speculation import positions, proposer_of
from inferstack.sizing.tensors import embedding_elements, kv_heads_per_rank, layer_elements
from inferstack.sizing.weight_formats import Part

if TYPE_CHECKING:
    from inferstack.sizing.constants import Constants, EngineConstants, Link
    from inferstack.sizing.types import Deployment

_DENSE: Final = (Part.ATTENTION, Part.MIXER, Part.MLP, Part.SHARED, Part.PLAIN)
_ADAPTER_KERNEL: Final = Kernel("bf16", 8.0 * ELEMENT_BYTES, 16)
_PEER_TO_PEER: Final = (8.0, 9.0)
"""Compute capabilities whose PCIe cards read each other's memory."""
_NVLINK_FALLBACK_GB_PER_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Linear:
    """Matrices of one format on one GPU: ms to read them once, ms of compute per token."""

    read_ms: float
    compute_ms_per_token: float


class StepModel:
    """Step time of one engine in ms, as a function of what is in the step.

    With data-parallel ranks what is in the step is that of one of them, and all have as much; they share the
    routed experts. ``all_to_all``: tokens go to the ranks of their experts only (TensorRT-LLM); vLLM, without
    further libraries, gathers the tokens of all ranks.
    """

    __slots__ = (
        "_adapters", "_allreduce_base_ms", "_allreduce_ms_per_token", "_attention_ms", "_chunk_ms", "_dense",
        "_exchange_ms_per_token", "_experts", "_has_extras", "_kv_full_ms", "_kv_sliding_ms", "_launch_ms",
        "_passes", "_positions", "_pp", "_proposer", "_proposer_share", "_sampled", "_sequence_ms",
        "_sharpness", "_skew", "_sliding_attention_ms", "_state_ms", "_untouched", "_window", "network",
        "ranks",
    )  # fmt: skip

    def __init__(
        self,
        deployment: Deployment,
        constants: Constants,
        engine: EngineConstants,
        *,
        all_to_all: bool = False,
    ) -> None:
        rates = _Rates(deployment, constants, engine)
        self.network = network_of(deployment.architecture)
        self._pp, self.ranks = deployment.pp, deployment.data_parallel
        self._sharpness = constants.sharpness
        self._set_linear(deployment, rates)
        self._set_experts(deployment, rates, constants)
        self._set_attention(deployment, rates, constants)
        if self.ranks == 1 or all_to_all:
            self._set_communication(deployment, rates)
        else:
            self._set_gathering(deployment, rates)
        self._set_overhead(deployment, rates, constants, engine)
        self._set_ranks(deployment, all_to_all=all_to_all)
        self._set_extras(deployment, rates, constants, engine)

    def _set_linear(self, d: Deployment, rates: _Rates) -> None:
        merged: dict[Kernel, float] = {}
        counts = layer_elements(d.architecture, d.tp)
        for part in _DENSE:
            kernel = kernel_of(d, part)
            merged[kernel] = merged.get(kernel, 0.0) + counts[part]
        self._dense = tuple(rates.linear(kernel, count, count) for kernel, count in merged.items() if count)
        head = 0.0 if d.architecture.kind == "encoder" else embedding_elements(d.architecture, d.tp)
        self._sampled = rates.linear(kernel_of(d, Part.HEAD), head, head)

    def _set_experts(self, d: Deployment, rates: _Rates, constants: Constants) -> None:
        n = self.network
        self._experts: Linear | None = None
        self._untouched = 0.0
        if not n.num_experts:
            return
        world = d.experts_over
        share = n.experts_per_token / n.num_experts
        held = layer_elements(d.architecture, world)[Part.EXPERT]
        imbalance = constants.expert_parallel_imbalance if d.expert_parallel and world > 1 else 1.0
        active = held * share * (world / d.tp) * imbalance
        self._experts = rates.linear(kernel_of(d, Part.EXPERT), held, active, experts=True)
        self._untouched = max(1.0 - share, 0.0) ** (constants.routing_spread * world / d.tp)

    def _set_attention(self, d: Deployment, rates: _Rates, constants: Constants) -> None:
        n = self.network
        per_ms = rates.bandwidth_bytes_per_ms * constants.attention_bandwidth
        per_ms *= constants.mla_bandwidth if n.is_mla else 1.0
        rank_share = kv_heads_per_rank(n.kv_heads, d.tp) / n.kv_heads
        byte_ms = cache_element_bytes(d) * rank_share / per_ms
        self._kv_full_ms = n.kv_elements_full * byte_ms
        self._kv_sliding_ms = n.kv_elements_sliding * byte_ms
        self._window = n.window
        self._state_ms = 2 * 2 * n.state_elements / d.tp / per_ms
        flops_per_ms = rates.flops_per_ms(16) * constants.attention_compute * d.tp
        if n.has_sinks and d.gpu.compute_capability < 9:
            flops_per_ms *= constants.sinks_compute
        self._attention_ms = n.attention_flops_full / flops_per_ms
        self._sliding_attention_ms = n.attention_flops_sliding / flops_per_ms

    def _set_communication(self, d: Deployment, rates: _Rates) -> None:
        self._allreduce_base_ms = self._allreduce_ms_per_token = self._exchange_ms_per_token = 0.0
        n = self.network
        world = d.experts_over
        if world == 1:
            return
        self._all_reduce(rates, world, 2 * n.layers if d.tp > 1 else n.moe_layers)

    def _all_reduce(self, rates: _Rates, world: int, reductions: float) -> None:
        """So many in a step, over ``world`` GPUs."""
        link, gb_per_s, latencies = rates.link(world)
        self._allreduce_base_ms = reductions * link.latency_us * latencies / 1e3
        self._allreduce_ms_per_token = (
            reductions * _reduced_bytes(self.network.hidden, world) / (link.fraction * gb_per_s * 1e6)
        )

    def _set_gathering(self, d: Deployment, rates: _Rates) -> None:
        """Attention is reduced inside a rank; a layer of experts gathers the tokens of all ranks and reduces
        what became of them, which moves as much as an all-reduce of all these tokens."""
        n, costs = self.network, rank_costs()
        self._allreduce_base_ms = self._allreduce_ms_per_token = 0.0
        if d.tp > 1:
            # after attention and after a dense MLP; GPUs of a rank take shares of its tokens to the experts
            # and gather them again, half an all-reduce
            self._all_reduce(rates, d.tp, n.layers + (n.layers - n.moe_layers) + n.moe_layers / 2)
        world = d.experts_over
        link, gb_per_s, latencies = rates.link(world)
        rate, latency_us = link.fraction * gb_per_s, link.latency_us * latencies
        if d.nodes > 1:
            latency_us += costs.node_latency_us * (d.nodes - 1).bit_length()
            if d.node_network_gb_per_s is not None:
                rate = min(rate, costs.network_share * d.node_network_gb_per_s)
        self._allreduce_base_ms += n.moe_layers * 2 * latency_us / 1e3
        wire_bytes = _reduced_bytes(n.hidden, world) * d.data_parallel
        self._exchange_ms_per_token = n.moe_layers * wire_bytes / (rate * 1e6)

    def _set_ranks(self, d: Deployment, *, all_to_all: bool) -> None:
        self._skew = 0.0
        if self.ranks == 1 or all_to_all:
            return
        costs = rank_costs()
        # requests are spread evenly by their number, not by their length
        self._skew = longest_of(self.ranks) * costs.context_spread
        self._launch_ms += costs.sync_ms if d.nodes == 1 else costs.sync_over_nodes_ms

    def _set_overhead(
        self, d: Deployment, rates: _Rates, constants: Constants, engine: EngineConstants
    ) -> None:
        n = self.network
        layers_us = n.layers * constants.layer_us
        if n.num_experts:
            layers_us += n.moe_layers * constants.experts[kernel_of(d, Part.EXPERT).name].layer_us
        if n.is_mla:
            layers_us += n.attention_layers * constants.mla_layer_us
        self._launch_ms = engine.step_ms + rates.launch * layers_us / 1e3
        self._sequence_ms = engine.sequence_us / 1e3
        self._chunk_ms = rates.launch * n.layers * constants.prefill_layer_us / 1e3

    def _set_extras(
        self, d: Deployment, rates: _Rates, constants: Constants, engine: EngineConstants
    ) -> None:
        self._positions = positions(d.speculation)
        self._adapters: AdapterCost | None = None
        if d.adapters is not None:
            size = adapter_widths(d.architecture, d.tp) * d.adapters.rank
            one = rates.linear(_ADAPTER_KERNEL, size, size)
            launch_ms = rates.launch * self.network.layers * LAYER_US / 1e3
            self._adapters = AdapterCost(
                d.adapters.count, one.read_ms, one.compute_ms_per_token, launch_ms, self._sharpness
            )
        self._proposer: StepModel | None = None
        self._passes, self._proposer_share = self._positions - 1, 1.0
        proposing = proposer_of(d) if self._passes else None
        if proposing is not None:
            proposer, self._proposer_share = proposing
            self._proposer = StepModel(proposer, constants, replace(engine, step_ms=0.0, sequence_us=0.0))
        self._has_extras = self._passes > 0 or self._adapters is not None

    def _head_ms(self, tokens: float) -> float:
        head, p = self._sampled, self._sharpness
        took: float = (head.read_ms**p + (head.compute_ms_per_token * max(tokens, 1.0)) ** p) ** (1 / p)
        return took

    def _proposal_ms(
        self, decodes: float, context_sum: float, prefill: float = 0.0, prefill_context: float = 0.0
    ) -> float:
        """One pass of what guesses: its share of the layers of the network it is taken from, and a head."""
        assert self._proposer is not None
        whole = self._proposer.step_ms(decodes, context_sum, prefill, prefill_context)
        head = self._proposer._head_ms(decodes)
        return (whole - head) * self._proposer_share + head

    def _extras_ms(self, decodes: float, context_sum: float, prefill: float, prefill_context: float) -> float:
        """What speculation and adapters add beside the positions to check."""
        computed = decodes * self._positions
        total = 0.0
        if self._passes:  # the cache is read once a sequence, unless computing all positions takes longer
            total += max(self._attention_ms * self._positions - self._kv_full_ms, 0.0) * context_sum
        if self._adapters is not None:
            total += self._adapters.step_ms(decodes + (1.0 if prefill else 0.0), computed + prefill)
        if self._proposer is not None:
            total += self._proposal_ms(decodes, context_sum, prefill, prefill_context)
            if decodes:
                total += (self._passes - 1) * self._proposal_ms(decodes, context_sum)
        return total

    def step_ms(
        self,
        decodes: float,
        context_sum: float,
        prefill: float = 0.0,
        prefill_context: float = 0.0,
        rank_prefill: float | None = None,
    ) -> float:
        """Time of one step.

        ``context_sum``: context tokens of all decoding sequences together. ``prefill_context``: mean context
        that a prompt token of this step attends to. ``rank_prefill``: prompt tokens a rank on average, where
        the rank that others wait for has ``prefill``; None: as many.
        """
        if self._pp > 1:
            decodes, context_sum, prefill = decodes / self._pp, context_sum / self._pp, prefill / self._pp
        computed = decodes * self._positions
        tokens = computed + prefill
        gathered = tokens if rank_prefill is None else computed + rank_prefill
        if self._skew and decodes:
            context_sum *= 1 + self._skew / max(decodes, 1.0) ** 0.5
        p = self._sharpness
        total: float = self._launch_ms + self._sequence_ms * decodes
        for group in self._dense:
            total += (group.read_ms**p + (group.compute_ms_per_token * tokens) ** p) ** (1 / p)
        total += self._head_ms(computed)
        if self._experts is not None:
            read = self._experts.read_ms * (1.0 - self._untouched**gathered)
            total += (read**p + (self._experts.compute_ms_per_token * gathered) ** p) ** (1 / p)
        total += self._kv_full_ms * context_sum + self._state_ms * decodes
        if self._kv_sliding_ms:
            total += self._kv_sliding_ms * min(context_sum, self._window * decodes)
        total += self._allreduce_base_ms + self._allreduce_ms_per_token * tokens
        total += self._exchange_ms_per_token * gathered
        if prefill:
            total += self._chunk_ms + self._attention_ms * prefill * prefill_context
            total += self._sliding_attention_ms * prefill * min(prefill_context, self._window)
        if self._has_extras:
            total += self._extras_ms(decodes, context_sum, prefill, prefill_context)
        return total


class _Rates:
    """What one GPU achieves: bytes and operations per ms, by kernel."""

    def __init__(self, deployment: Deployment, constants: Constants, engine: EngineConstants) -> None:
        gpu = deployment.gpu
        own = constants.gpu(gpu.id)
        self._gpu, self._constants = gpu, constants
        self._compute = own.compute * engine.compute
        self._nvlink = deployment.nvlink
        self.launch = own.launch * engine.launch
        per_ms = (gpu.memory_bandwidth_gb_per_s or 0.0) * 1e6
        self.bandwidth_bytes_per_ms = per_ms * constants.bandwidth * own.bandwidth

    def flops_per_ms(self, compute_bits: int) -> float:
        gpu = self._gpu
        sixteen = gpu.bf16_dense_tflops or gpu.fp16_dense_tflops or 0.0
        peak = {8: gpu.fp8_dense_tflops or gpu.int8_dense_tops, 4: gpu.fp4_dense_tflops}.get(compute_bits)
        return (peak or sixteen) * 1e9 * self._compute

    def linear(self, kernel: Kernel, stored: float, multiplied: float, *, experts: bool = False) -> Linear:
        """``stored`` elements are read once a step, ``multiplied`` ones are used by every token."""
        table = self._constants.experts if experts else self._constants.kernels
        efficiency = table[kernel.name]
        per_ms = self.bandwidth_bytes_per_ms * efficiency.bandwidth
        flops = self.flops_per_ms(kernel.compute_bits) * efficiency.compute
        return Linear(stored * kernel.bits / 8 / per_ms, 2 * multiplied / flops)

    def link(self, ranks: int) -> tuple[Link, float, float]:
        """The link of an all-reduce, its GB/s in one direction, and how many latencies it takes."""
        gpu, constants = self._gpu, self._constants
        nvlink = gpu.nvlink_gb_per_s_bidirectional > 0 if self._nvlink is None else self._nvlink
        if nvlink:
            both = gpu.nvlink_gb_per_s_bidirectional or _NVLINK_FALLBACK_GB_PER_S
            return constants.nvlink, both / 2, 1 + 0.15 * (ranks.bit_length() - 2)
        peer = float(gpu.compute_capability) in _PEER_TO_PEER
        return constants.peer if peer else constants.pcie, pcie_gb_per_s(gpu.pcie), ranks - 1.0


def pcie_gb_per_s(pcie: str | None) -> float:
    """One direction of a x16 slot."""
    for generation, rate in (("6", 128.0), ("5", 64.0), ("4", 32.0), ("3", 16.0)):
        if pcie and generation in pcie.split("/")[0].partition("x")[0]:
            return rate
    return 32.0


def _reduced_bytes(hidden: int, world: int) -> float:
    """What an all-reduce of one token's activations moves over a GPU's links, at two bytes an element."""
    return 2 * (world - 1) / world * hidden * 2
