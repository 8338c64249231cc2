"""Which weights of a model can be served: as released, a published quantized copy, or quantized on load.

Quality tiers: 0 the developer's own precision, 1 eight bits, 2 four bits or fewer. ``auto`` lets tiers 0
and 1 compete on cost; tier 2 needs a word in the spec, or has to be the only one that meets the SLO.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from inferstack.catalog.types import Checkpoint
from inferstack.errors import InputError, Problem
from inferstack.sizing.kernel_facts import kernel_facts

Origin = Literal["native", "published", "online"]

_FORMATS: Final[dict[str, tuple[str, int]]] = {
    # catalog format -> (name used by fit, predict and the plan; bits per weight)
    "fp8": ("fp8", 8),
    "mxfp8": ("mxfp8", 8),
    "int8": ("int8", 8),
    "gptq-int8": ("gptq-int8", 8),
    "awq-int4": ("awq", 4),
    "awq": ("awq", 4),
    "gptq": ("gptq", 4),
    "bf16": ("bf16", 16),
    "fp16": ("fp16", 16),
    "bnb": ("bitsandbytes", 0),
    "gptq-int4": ("gptq", 4),
    "int4": ("int4", 4),
    "nvfp4": ("nvfp4", 4),
    "fp4": ("nvfp4", 4),
    "mxfp4": ("mxfp4", 4),
    "mxfp4+fp8 activations": ("mxfp4", 4),
}
_NATIVE_BITS: Final = {"fp32": 32, "bf16": 16, "fp16": 16, "fp8": 8, "fp8+fp4": 6, "int4": 4, "mxfp4": 4}
_ASKED: Final[dict[str, frozenset[str]]] = {
    # word of the spec -> formats it accepts
    "bf16": frozenset({"bf16", "fp16", "fp32"}),
    "fp16": frozenset({"bf16", "fp16", "fp32"}),
    "int8": frozenset({"int8", "gptq-int8"}),
    "int4": frozenset({"int4", "awq", "gptq"}),
    "fp8": frozenset({"fp8", "mxfp8"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One servable form of a model's weights."""

    quantization: str
    """bf16, fp16, fp32, fp8, int8, gptq-int8, awq, gptq, int4, nvfp4, mxfp4, or a catalog format as it is."""
    checkpoint: str
    origin: Origin
    bits: int
    """Of a weight; 0: a format the stock image cannot load."""
    tier: int
    scale_block: int | None = None
    """Side of the square weight blocks that share a scale; TP shards must be multiples of it."""
    by_developer: bool = True


def native_weights(model_id: str, native_dtype: str) -> Weights:
    """The weights as the developer released them; always tier 0."""
    block = kernel_facts().fp8_block if native_dtype.startswith("fp8") and _block_scaled(model_id) else None
    return Weights(
        quantization=native_dtype,
        checkpoint=model_id,
        origin="native",
        bits=_NATIVE_BITS.get(native_dtype, 4),
        tier=0,
        scale_block=block,
    )


def published_weights(checkpoint: Checkpoint) -> Weights:
    """A quantized re-release; formats the image cannot load keep their name and ``bits`` 0."""
    name, bits = _FORMATS.get(checkpoint.format, (checkpoint.format, 0))
    return Weights(
        quantization=name,
        checkpoint=checkpoint.id,
        origin="published",
        bits=bits,
        tier=_tier(bits),
        scale_block=kernel_facts().fp8_block if name == "fp8" and _block_scaled(checkpoint.id) else None,
        by_developer=checkpoint.by_developer,
    )


def _tier(bits: int) -> int:
    return 0 if bits >= 16 else 1 if bits >= 8 else 2


def all_weights(
    model_id: str, native_dtype: str, checkpoints: tuple[Checkpoint, ...] = ()
) -> tuple[Weights, ...]:
    """Every form, best quality first; one a format: the developer's own, else the first listed."""
    native = native_weights(model_id, native_dtype)
    options = [native]
    for candidate in sorted(
        map(published_weights, checkpoints), key=lambda weights: not weights.by_developer
    ):
        if all(candidate.quantization != known.quantization for known in options):
            options.append(candidate)
    if native.bits >= 16 and all(option.quantization != "fp8" for option in options):
        options.append(Weights(quantization="fp8", checkpoint=model_id, origin="online", bits=8, tier=1))
    return tuple(sorted(options, key=lambda weights: (weights.tier, -weights.bits, weights.quantization)))


def wanted_weights(
    model_id: str, native_dtype: str, checkpoints: tuple[Checkpoint, ...], requested: str
) -> tuple[Weights, ...]:
    """What ``quantization: <requested>`` of the spec allows; InputError when there is no such checkpoint."""
    options = all_weights(model_id, native_dtype, checkpoints)
    if requested == "auto":
        return options
    accepted = _ASKED.get(requested, frozenset({requested}))
    chosen = tuple(option for option in options if option.quantization in accepted)
    if chosen:
        return chosen
    if requested == "bitsandbytes":
        # quantizes on load, so no checkpoint is needed; the image rule refuses it with its reason
        return (Weights(quantization=requested, checkpoint=model_id, origin="online", bits=0, tier=2),)
    names = sorted({option.quantization for option in options if option.bits})
    raise InputError(
        Problem(
            path="model.quantization",
            message=f"no {requested} weights of {model_id} are known",
            value=requested,
            accepted=", ".join(["auto", *names]),
        )
    )


def _block_scaled(repository: str) -> bool:
    facts = kernel_facts()
    owner = repository.partition("/")[0]
    return owner in facts.fp8_block_owners or repository.lower().endswith(facts.fp8_block_suffixes)
