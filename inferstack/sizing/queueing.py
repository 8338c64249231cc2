"""From step time to service: continuous batching in its steady state.

The engine runs steps; every running sequence gains one token a step, and prompts join in chunks. Over the
life of a request that makes ``output`` decode steps plus the extra time of the prompts prefilled meanwhile:

    residence = output * decode_step + prefills_meanwhile * prefill_cost

Closed loop: ``running`` requests are always there. Open loop: Little's law closes the circle, running = rate
* residence. All times in ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inferstack.sizing.steptime import StepModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One request as the engine sees it: mean tokens, and the part of the prompt to compute."""

    prompt: float
    computed: float
    """Prompt tokens that the prefix cache does not hold."""
    output: float
    chunk: int
    """max_num_batched_tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """Steady state of one engine."""

    running: float
    requests_per_ms: float
    ttft_ms: float
    """In the engine, once admitted."""
    tpot_ms: float
    prefill_ms: float
    decode_step_ms: float
    prefill_load: float
    """Share of time that prefill takes."""


def steady_state(model: StepModel, shape: Shape, running: float) -> Steady:
    """``running`` requests always in the engine, each replaced as it ends."""
    chunk = min(shape.computed, shape.chunk)
    pieces = shape.computed / chunk if chunk else 0.0
    mean_context = shape.prompt + shape.output / 2
    decoding = running
    for _ in range(3):
        context = decoding * mean_context
        decode_step = model.step_ms(decoding, context)
        if chunk:
            cached = shape.prompt - shape.computed
            mixed = model.step_ms(decoding, context, chunk, cached + shape.computed / 2)
            prefill = pieces * (mixed - decode_step)
        else:
            mixed, prefill = decode_step, 0.0
        steps = max(shape.output, 1.0)
        residence = steps * decode_step + running * prefill
        overflow = running * pieces - steps
        if overflow > 0:
            residence += overflow * 0.0
        share = running * prefill / residence
        first = decode_step / 2 + pieces * mixed + share * prefill
        decoding = max(running * (1 - min(first / residence, 0.95)), 0.0)
    residence = max(residence, first)
    tpot = (residence - first) / (steps - 1) if steps > 1 else 0.0
    return Steady(
        running=running,
        requests_per_ms=running / residence,
        ttft_ms=first,
        tpot_ms=max(tpot, decode_step),
        prefill_ms=prefill,
        decode_step_ms=decode_step,
        prefill_load=share,
    )
