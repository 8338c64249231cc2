"""Continuous batching in its steady state, in closed form.

Every step moves each decoding sequence on by one token; prompts join steps in chunks. With ``pieces`` chunks
a prompt and ``steps`` steps a request, a step carries a prompt with the probability of at least one arrival,
and the mean step follows. Closed loop: the number of running requests is given. Open loop: Little's law
gives it from the rate. Times in ms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from inferstack.sizing.steptime import StepModel

_ROUNDS: Final = 6
_CLOSE: Final = 1e-4
_NUDGE: Final = 1e-3
_NEVER_WAITS: Final = 8.0
"""Standard deviations of free places beyond which nobody waits."""
_MOST_BUSY: Final = 0.98
"""Share of the prefill capacity beyond which a queue is treated as full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One request as the engine sees it, in mean tokens."""

    prompt: float
    computed: float
    """Prompt tokens that the prefix cache does not hold."""
    output: float
    held: float
    """Context of a decoding request, averaged over its life: longer requests are seen more often."""
    batched_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """An engine in steady state; latencies exclude what happens outside it."""

    running: float
    requests_per_ms: float
    ttft_ms: float
    """Once a slot is free: rest of the running step, queue of prompts, own prompt."""
    own_prefill_ms: float
    tpot_ms: float
    tpot_deviation: float
    """Standard deviation of a request's mean time per token over that mean."""

    @property
    def residence_ms(self) -> float:
        return self.running / self.requests_per_ms if self.requests_per_ms else math.inf


@dataclass(frozen=True, slots=True)
class _Step:
    """The mean step, what a step with a prompt takes, and how often there is one."""

    mean: float
    mixed: float
    plain: float
    share: float


def _mean_step(model: StepModel, shape: Shape, decoding: float, prompt_tokens: float) -> _Step:
    """``prompt_tokens`` a step on average, in chunks that arrive by chance."""
    context = decoding * shape.held
    plain = model.step_ms(decoding, context)
    budget = max(shape.batched_tokens - decoding, 1.0)
    chunk = min(shape.computed, budget)
    if chunk <= 0 or prompt_tokens <= 0:
        return _Step(plain, plain, plain, 0.0)
    tokens = min(prompt_tokens / (1 - math.exp(-prompt_tokens / chunk)), budget)
    share = min(prompt_tokens / tokens, 1.0)
    mixed = model.step_ms(decoding, context, tokens, shape.prompt - shape.computed / 2)
    return _Step(share * mixed + (1 - share) * plain, mixed, plain, share)


def _own_prefill_ms(shape: Shape, step: _Step, decoding: float) -> float:
    """Steps of one prompt's chunks."""
    return max(shape.computed / max(shape.batched_tokens - decoding, 1.0), 1.0) * step.mixed


def _prefill_load(shape: Shape, step: _Step, decoding: float, rate: float) -> float:
    """Share of the steps' room for prompts that is in use."""
    budget = max(shape.batched_tokens - decoding, 1.0)
    return min(rate * shape.computed / budget * step.mixed, _MOST_BUSY)


def _deviation(step: _Step, tokens: float) -> float:
    spread = math.sqrt(step.share * (1 - step.share)) * (step.mixed - step.plain) / step.mean
    return spread / math.sqrt(max(tokens, 1.0))


def closed_loop(model: StepModel, shape: Shape, running: float) -> Steady:
    """``running`` requests in the engine at all times, each replaced as it ends."""
    tokens = max(shape.output - 1, 0.0)
    decoding = running if tokens else 0.0
    rate = 0.0
    step = _mean_step(model, shape, decoding, shape.computed * running / (tokens + 1))
    for _ in range(_ROUNDS):
        rate = _closed_rate(shape, step, running, decoding)
        decoding = (decoding + min(rate * tokens * step.mean, running)) / 2
        step = _mean_step(model, shape, decoding, rate * shape.computed * step.mean)
    first = running / rate - tokens * step.mean
    own = _own_prefill_ms(shape, step, decoding)
    return Steady(
        running=running,
        requests_per_ms=rate,
        ttft_ms=max(first, own),
        own_prefill_ms=own,
        tpot_ms=step.mean if tokens else 0.0,
        tpot_deviation=_deviation(step, tokens),
    )


def _closed_rate(shape: Shape, step: _Step, running: float, decoding: float) -> float:
    """Requests per ms that ``running`` places turn over, bounded by what prefill can take in."""
    tokens = max(shape.output - 1, 0.0)
    own = _own_prefill_ms(shape, step, decoding)
    turnover = running / (tokens * step.mean + own)
    if not tokens:
        return turnover
    intake = max(shape.batched_tokens - decoding, 1.0) / (shape.computed * step.mixed)
    # Requests of a closed loop come back one by one, as they ended: the queue stays below one prompt.
    queue = _prefill_load(shape, step, decoding, min(turnover, intake)) * own / 2
    return min(running / (tokens * step.mean + own + queue), intake)


def open_loop(model: StepModel, shape: Shape, rate: float, most: float) -> Steady | None:
    """``rate`` requests per ms arriving by chance; None when ``most`` running requests cannot keep up.

    The mean step is the smallest root of "step that the arrivals of one step make" minus "step". The
    function is convex, so Newton's iterates from below stay below and the root is not missed.
    """
    tokens = max(shape.output - 1, 0.0)
    longest = shape.batched_tokens / (rate * (shape.computed + tokens))
    longest = min(longest, most / (rate * tokens)) if tokens else longest

    def made(mean: float) -> _Step:
        return _mean_step(model, shape, rate * tokens * mean, rate * shape.computed * mean)

    mean = made(1e-9).plain
    step = made(mean)
    for _ in range(_ROUNDS * 2):
        above = step.mean - mean
        if above <= _CLOSE * mean:
            break
        slope = (made(mean * (1 + _NUDGE)).mean - step.mean) / (mean * _NUDGE) - 1
        mean = mean - above / slope if slope < 0 else math.inf
        if mean > longest:
            return None
        step = made(mean)
    decoding = rate * tokens * mean
    rest = 0.5 * (step.share * step.mixed**2 + (1 - step.share) * step.plain**2) / step.mean
    own = _own_prefill_ms(shape, step, decoding)
    busy = _prefill_load(shape, step, decoding, rate)
    first = rest + own + busy / (2 * (1 - busy)) * own  # M/D/1 in prompts
    running = rate * (first + tokens * step.mean)
    if running > most:
        return None
    return Steady(
        running=running,
        requests_per_ms=rate,
        ttft_ms=first,
        own_prefill_ms=own,
        tpot_ms=step.mean if tokens else 0.0,
        tpot_deviation=_deviation(step, tokens),
    )


def slot_wait_ms(state: Steady, most: float) -> float:
    """Mean wait for a free place among ``most``, arrivals by chance (Halfin and Whitt's approximation)."""
    free = most - state.running
    if free <= 0 or not math.isfinite(most):
        return math.inf if free <= 0 else 0.0
    slack = free / math.sqrt(max(state.running, 1e-9))
    if slack > _NEVER_WAITS:
        return 0.0
    below = 0.5 * (1 + math.erf(slack / math.sqrt(2)))
    waits = 1 / (1 + math.sqrt(2 * math.pi) * slack * below * math.exp(slack * slack / 2))
    return waits * state.residence_ms / free
