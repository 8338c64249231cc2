"""Bytes of the weights on every pipeline stage of one tensor-parallel rank, once vLLM has loaded them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from inferstack.sizing.tensors import (
    embedding_elements,
    embedding_extras,
    head_dim,
    is_tied,
    layer_elements,
    vision_elements,
)
from inferstack.sizing.weight_formats import Part, weight_format

if TYPE_CHECKING:
    from inferstack.catalog.types import Architecture

_UNKNOWN_POSITIONS: Final = 131_072


@dataclass(frozen=True, slots=True)
class Stage:
    """One pipeline stage: how many of the layers it has, whether it embeds and whether it samples."""

    layers: int
    first: bool
    last: bool
    weight_bytes: float


@lru_cache(maxsize=4096)
def stages(
    architecture: Architecture,
    quantization: str | None,
    tp: int,
    pp: int,
    expert_parallel: bool,
    blackwell: bool,
    data_parallel: int = 1,
) -> tuple[Stage, ...]:
    """Every pipeline stage with its weights in bytes; layers are averaged where they differ."""
    form = weight_format(quantization, architecture)
    per_layer = (
        sum(
            form.bytes_of(part) * count
            for part, count in layer_elements(
                architecture,
                tp,
                expert_parallel=expert_parallel,
                blackwell=blackwell,
                data_parallel=data_parallel,
            ).items()
        )
        / architecture.num_layers
    )
    vocabulary = embedding_elements(architecture, tp)
    embedding = form.bytes_of(Part.EMBEDDING) * vocabulary
    embedding += form.bytes_of(Part.EMBEDDING) * embedding_extras(architecture, tp)
    head = form.bytes_of(Part.HEAD) * vocabulary
    vision = form.bytes_of(Part.VISION) * vision_elements(architecture, tp)
    tied = is_tied(architecture)
    rotary = rotary_bytes(architecture)
    result = []
    for index, layers in enumerate(layer_split(architecture.num_layers, pp)):
        first, last = index == 0, index == pp - 1
        size = layers * per_layer + rotary
        size += embedding + vision if first else 0.0
        if last and (not tied or (pp > 1 and architecture.language_head and architecture.kind != "encoder")):
            size += head
        result.append(Stage(layers=layers, first=first, last=last, weight_bytes=size))
    return tuple(result)


def layer_split(layers: int, pp: int) -> tuple[int, ...]:
    """Layers per stage as vLLM divides them: the remainder goes to the stages before the last."""
    base, extra = divmod(layers, pp)
    split = [base] * pp
    for position in range(2, extra + 2):
        split[-position] += 1
    return tuple(split)


def rotary_bytes(architecture: Architecture) -> float:
    """The cosine and sine table of rotary positions, whole on every rank, in 16 bits."""
    if architecture.kind == "encoder" and architecture.head_dim is None:
        return 0.0
    width = architecture.mla.qk_rope_head_dim if architecture.mla else head_dim(architecture)
    return (architecture.rotary_positions or architecture.max_position or _UNKNOWN_POSITIONS) * width * 2.0
