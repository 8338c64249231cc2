"""LoRA adapters in numbers: the matrices they add to a network, and what that costs.

An adapter of rank r adds r x in and r x out elements to every linear layer of attention, mixers and dense
feed-forwards; routed experts and the vocabulary stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from inferstack.sizing.network import network_of
from inferstack.sizing.tensors import layer_elements
from inferstack.sizing.weight_formats import Part
from inferstack.units import GIB

if TYPE_CHECKING:
    from inferstack.catalog.types import Architecture
    from inferstack.sizing.types import Adapters

ASSUMED_RANK: Final = 16
"""Where the rank is not stated: what most published adapters have."""
LAYER_US: Final = 20.0
"""Shrink and expand kernels of four groups of linears (q/k/v, output, gate/up, down) at 2.5 us each.
Judgement: the time of a small kernel inside a CUDA graph; no published measurement separates it."""
ELEMENT_BYTES: Final = 2
"""Adapters are kept in 16 bits."""
_MATRICES: Final = {Part.ATTENTION: 4, Part.MIXER: 2, Part.MLP: 3, Part.SHARED: 3}
"""Linear layers by part, each with the hidden width on one side."""


def adapter_widths(architecture: Architecture, tp: int) -> float:
    """In + out of all adapted linears on one of ``tp`` ranks: the hidden side is whole on each."""
    n = network_of(architecture)
    layers = {
        Part.ATTENTION: n.attention_layers,
        Part.MIXER: n.layers - n.attention_layers,
        Part.MLP: n.layers - n.moe_layers,
        Part.SHARED: n.moe_layers,
    }
    total = 0.0
    for part, elements in layer_elements(architecture, 1).items():
        if part in _MATRICES and elements:
            total += _MATRICES[part] * layers[part] * n.hidden + elements / n.hidden / tp
    return total


def adapters_gib(adapters: Adapters | None, architecture: Architecture, tp: int) -> float:
    """Memory of all slots on one rank."""
    if adapters is None:
        return 0.0
    rank = adapters.slot_rank or adapters.rank
    return adapters.count * rank * adapter_widths(architecture, tp) * ELEMENT_BYTES / GIB


@dataclass(frozen=True, slots=True)
class AdapterCost:
    """Time that adapters add to a step."""

    count: int
    read_ms: float
    """To read one adapter."""
    compute_ms_per_token: float
    launch_ms: float
    sharpness: float

    def step_ms(self, requests: float, tokens: float) -> float:
        """``requests`` in the step bring ``tokens``; an adapter is read once for all that chose it."""
        read = self.read_ms * adapters_in_step(self.count, requests)
        p = self.sharpness
        blended: float = (read**p + (self.compute_ms_per_token * tokens) ** p) ** (1 / p)
        return self.launch_ms + blended


def adapters_in_step(count: int, requests: float) -> float:
    """Different adapters among ``requests`` that choose one of ``count`` by chance."""
    return count * (1.0 - (1.0 - 1.0 / count) ** requests) if count > 1 else min(requests, 1.0)
