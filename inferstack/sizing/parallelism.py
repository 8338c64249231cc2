"""Ways to cut one engine over GPUs: tensor parallel in a node, pipeline where that is not enough, and ranks
that share a model's experts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_SIZES: Final = (1, 2, 4, 8)
_NODES: Final = (2, 3, 4)
_RANK_NODES: Final = (2, 4)
RANKS: Final = (1, 2, 4, 8, 16, 32)
"""Data-parallel ranks that a spec may ask for."""


@dataclass(frozen=True, slots=True, order=True)
class Cut:
    """``tp * pp * dp`` GPUs over ``nodes`` nodes; TP stays in a node, PP or data-parallel ranks cross it."""

    tp: int
    pp: int = 1
    nodes: int = 1
    dp: int = 1

    @property
    def gpus(self) -> int:
        return self.tp * self.pp * self.dp

    @property
    def gpus_per_node(self) -> int:
        return self.gpus // self.nodes

    def __str__(self) -> str:
        text = cut_text(self.tp, self.pp, self.dp)
        return text if self.nodes == 1 else f"{text} over {self.nodes} nodes"


def cut_text(tp: int, pp: int = 1, dp: int = 1) -> str:
    """``TP2 DP4``; what is 1 is left out, but for TP."""
    return " ".join([f"TP{tp}", *(f"{name}{size}" for name, size in (("PP", pp), ("DP", dp)) if size > 1)])


def tensor_cuts(most_gpus: int) -> tuple[Cut, ...]:
    """TP 1, 2, 4, 8 within a node of ``most_gpus``."""
    return tuple(Cut(size) for size in _SIZES if size <= most_gpus)


def pipeline_cuts(most_gpus: int) -> tuple[Cut, ...]:
    """Pipelines within a node; worth a look over PCIe only, and where the shorter one has no room."""
    return tuple(
        Cut(tp, pp) for tp in _SIZES for pp in _SIZES[1:] if tp * pp <= most_gpus and (tp, pp) != (1, 8)
    )


def node_cuts(gpus_per_node: int) -> tuple[Cut, ...]:
    """Whole nodes in a pipeline, for what no single node holds."""
    return tuple(Cut(gpus_per_node, nodes, nodes) for nodes in _NODES)


def shared_cuts(most_gpus: int) -> tuple[Cut, ...]:
    """Data-parallel ranks within a node, the largest ranks first."""
    return tuple(Cut(tp, dp=dp) for tp in reversed(_SIZES) for dp in _SIZES[1:] if tp * dp <= most_gpus)


def shared_node_cuts(gpus_per_node: int) -> tuple[Cut, ...]:
    """Data-parallel ranks over whole nodes, the fewest nodes first."""
    return tuple(
        Cut(tp, nodes=nodes, dp=nodes * gpus_per_node // tp)
        for nodes in _RANK_NODES
        for tp in reversed(_SIZES)
        if gpus_per_node % tp == 0
    )
