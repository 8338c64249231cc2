"""Ways to cut one engine over GPUs: tensor parallel in a node, pipeline where that is not enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_SIZES: Final = (1, 2, 4, 8)
_NODES: Final = (2, 3, 4)


@dataclass(frozen=True, slots=True, order=True)
class Cut:
    """``tp * pp`` GPUs over ``nodes`` nodes; with several nodes, TP fills a node and PP crosses them."""

    tp: int
    pp: int = 1
    nodes: int = 1

    @property
    def gpus(self) -> int:
        return self.tp * self.pp

    @property
    def gpus_per_node(self) -> int:
        return self.gpus // self.nodes

    def __str__(self) -> str:
        text = f"TP{self.tp}" if self.pp == 1 else f"TP{self.tp} PP{self.pp}"
        return text if self.nodes == 1 else f"{text} over {self.nodes} nodes"


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
