"""How many requests of a load an engine holds at once: vLLM's own limits and the KV cache."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from inferstack.errors import InputError, Problem
from inferstack.sizing.memory import fit
from inferstack.sizing.speculation import positions, tokens_per_step

if TYPE_CHECKING:
    from inferstack.sizing.types import Deployment, Fit

# The error of the memory model itself: what falls short by less is predicted as if it just fitted.
_TOLERANCE: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The engine's limits."""

    sequences: int
    batched_tokens: int
    kv_tokens: float
    """Infinite for models that keep no KV cache."""
    whole_requests: bool = False
    """Admit only what can end without preemption, as TensorRT-LLM does; vLLM admits what it can start."""
    tokens_per_step: float = 1.0
    """Mean output tokens of a decoding request in one step; more than 1 with speculative decoding."""
    positions: int = 1
    """Tokens that a decoding request takes of a step's budget: the next one and the guesses to check."""


def limits_for(deployment: Deployment, longest: int, *, activation_share: float = 1.0) -> Limits:
    """Limits of one rank for requests of up to ``longest`` tokens.

    ``kv_tokens`` counts as many tokens as requests of that length can hold, so that sliding windows and state
    layers are in it. Raises InputError when one such request does not fit.
    """
    room = fit(replace(deployment, max_model_len=max(longest, 16)))
    encoder = deployment.architecture.kind == "encoder"
    tokens = math.inf if encoder else _kv_tokens(room, longest, activation_share)
    if not room.fits and (encoder or _is_refused(room, longest, tokens)):
        raise InputError(Problem(message=f"{deployment.model_id} does not fit: {room.reason}"))
    return Limits(
        sequences=room.max_num_seqs,
        batched_tokens=room.max_num_batched_tokens,
        kv_tokens=max(tokens, float(longest)),
        tokens_per_step=tokens_per_step(deployment.speculation),
        positions=positions(deployment.speculation),
    )


def _kv_tokens(room: Fit, longest: int, activation_share: float) -> float:
    """Tokens that the cache holds, with the part of the activation reserve that is not needed."""
    spare = room.kv_cache_gib_per_gpu
    if spare <= 0:
        return 0.0
    found = spare + (1 - activation_share) * room.activation_gib_per_gpu
    return room.max_concurrency * longest * found / spare


def _is_refused(room: Fit, longest: int, tokens: float) -> bool:
    """Whether more is missing than the memory model may err by, or something else than memory."""
    tolerance = _TOLERANCE * room.gpu_memory_gib
    if room.kv_cache_gib_per_gpu <= 0:
        return -room.kv_cache_gib_per_gpu > tolerance
    if room.max_concurrency >= 1:
        return True  # there is room: what is missing is a kernel or a head to divide
    return (longest - tokens) / longest * room.kv_cache_gib_per_gpu / room.max_concurrency > tolerance
