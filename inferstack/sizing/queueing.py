"""Continuous batching in its steady state, in closed form.

Every step moves each decoding sequence on by one token (by several with speculative decoding); prompts join
steps in chunks. A request sees, while it decodes, itself and the prompts of the others: one alone never
shares a step with a prompt. Closed loop: the number of running requests is given and how many of them decode
is found. Open loop: Little's law gives both from the rate. Times in ms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from inferstack.sizing.data_parallel import any_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferstack.sizing.steptime import StepModel

_ROUNDS: Final = 40
_CLOSE: Final = 1e-5
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
    tokens_per_step: float = 1.0
    """Output tokens of a decoding request in one step."""
    positions: int = 1
    """Tokens that a decoding request takes of a step's budget."""
    equal: bool = False
    """All requests have the same lengths: in a closed loop they move in step."""

    @property
    def steps(self) -> float:
        """Steps after the one that ends the prompt."""
        return max(self.output - 1, 0.0) / self.tokens_per_step

    def budget(self, decoding: float) -> float:
        """Prompt tokens that a step has room for beside ``decoding`` requests."""
        return max(self.batched_tokens - decoding * self.positions, 1.0)


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
    budget = shape.budget(decoding)
    chunk = min(shape.computed, budget)
    if chunk <= 0 or prompt_tokens <= 0:
        return _Step(plain, plain, plain, 0.0)
    tokens = min(prompt_tokens / (1 - math.exp(-prompt_tokens / chunk)), budget)
    share = min(prompt_tokens / tokens, 1.0)
    # Ranks step together: a prompt on one of them makes the step long for all.
    own, share = share, any_of(model.ranks, share)
    a_rank = tokens if own == share else tokens * own / share
    mixed = model.step_ms(decoding, context, tokens, shape.prompt - shape.computed / 2, a_rank)
    return _Step(share * mixed + (1 - share) * plain, mixed, plain, share)


def _own_prefill_ms(model: StepModel, shape: Shape, decoding: float, prompt_tokens: float) -> float:
    """Steps of one prompt's chunks; ``decoding`` others and ``prompt_tokens`` of other prompts share them."""
    budget = shape.budget(decoding)
    held, mean_context = decoding * shape.held, shape.prompt - shape.computed / 2
    full, rest = divmod(shape.computed, budget)
    last = min(rest + prompt_tokens, budget)

    def step(mine: float) -> float:
        """Ranks beside this one have the prompts of others only."""
        a_rank = (mine + (model.ranks - 1) * min(prompt_tokens, mine)) / model.ranks
        return model.step_ms(decoding, held, mine, mean_context, a_rank)

    return (full * step(budget) if full else 0.0) + (step(last) if rest else 0.0)


def _deviation(step: _Step, tokens: float) -> float:
    spread = math.sqrt(step.share * (1 - step.share)) * (step.mixed - step.plain) / step.mean
    return spread / math.sqrt(max(tokens, 1.0))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where an increasing function crosses 0 between ``low`` (below it) and ``high`` (not below)."""
    below, above = function(low), function(high)
    for _ in range(_ROUNDS):
        middle = high - above * (high - low) / (above - below) if above > below else (low + high) / 2
        found = function(middle)
        if found >= 0:  # Illinois: an end that stays loses half its weight, so that the other one moves
            high, above, below = middle, found, below / 2
        else:
            low, below, above = middle, found, above / 2
        if abs(found) <= _CLOSE * high or high - low <= _CLOSE * high:
            break
    return middle


def closed_loop(
    model: StepModel, shape: Shape, running: float, away_ms: float = 0.0, *, crowd: bool = False
) -> Steady:
    """``running`` requests under way at all times, each replaced ``away_ms`` after it ends.

    ``crowd``: of so many clients that one more does not count.
    """
    tokens = shape.steps
    if tokens <= 0 or shape.equal:
        return _in_waves(model, shape, running, away_ms)
    others = 1.0 if crowd else (running - 1) / running

    def at(decoding: float) -> tuple[_Step, float, float]:
        """The step, the requests per ms and the time to first token while ``decoding`` of them decode."""
        prompt_tokens = shape.computed * decoding / tokens  # one prompt for every request that ends
        busy = min(prompt_tokens / shape.budget(decoding), 1.0)
        # Those of others, which cannot join the steps that its own prompt fills.
        prompt_tokens *= 1.0 if crowd else (running - 1) / max(running - busy, 1e-9)
        step = _mean_step(model, shape, 1 + others * decoding, prompt_tokens)
        own = _own_prefill_ms(model, shape, others * decoding, prompt_tokens)
        # Requests of a closed loop come back one by one, as they ended: the queue stays below one prompt.
        first = own * (1 + others * busy / 2) + (others * step.mean / 2 if away_ms else 0.0)
        return step, decoding / (tokens * step.mean), first

    def surplus(decoding: float) -> float:
        _, rate, first = at(decoding)
        return decoding + rate * (first + away_ms) - running

    # More cannot decode than the room for prompts replaces.
    most = min(running, shape.batched_tokens * tokens / (shape.computed + tokens * shape.positions))
    decoding = most if surplus(most) <= 0 else _root(surplus, most * 1e-6, most)
    step, rate, first = at(decoding)
    return Steady(
        running=running,
        requests_per_ms=rate,
        ttft_ms=max(running / rate - tokens * step.mean - away_ms, first),
        own_prefill_ms=min(_own_prefill_ms(model, shape, others * decoding, 0.0), first),
        tpot_ms=step.mean / shape.tokens_per_step,
        tpot_deviation=_deviation(step, tokens),
    )


@dataclass(frozen=True, slots=True)
class _Wave:
    """From the first prompt of a wave to the next wave's, and the part of it that a request decodes in."""

    cycle: float
    decode: float
    mixed: float
    decoding: float
    """Requests that decode while prompts of others are computed."""


def _wave(model: StepModel, shape: Shape, running: float, away_ms: float) -> _Wave:
    tokens, room, each = shape.steps, float(shape.batched_tokens), shape.positions
    free = room - running * each
    mixed_steps = max(running * (shape.computed - each) / free, 1.0) if free > 0 else math.inf
    if mixed_steps > tokens + 1:  # prompts are the limit: no step is without one
        mixed_steps = max(running * (shape.computed + tokens * each) / room, 1.0)
    seen, plain_steps = min(mixed_steps - 1, tokens), max(tokens + 1 - mixed_steps, 0.0)
    decoding = running * seen / mixed_steps
    prompt_tokens, context = running * shape.computed / mixed_steps, shape.prompt - shape.computed / 2
    mixed = model.step_ms(decoding, decoding * shape.held, prompt_tokens, context)
    plain = model.step_ms(running, running * shape.held)
    decode = seen * mixed + plain_steps * plain
    others = prompt_tokens - min(shape.computed, room - decoding * each)
    own = _own_prefill_ms(model, shape, decoding, max(others, 0.0))
    cycle = max(mixed_steps * mixed + plain_steps * plain, own + decode + away_ms)
    return _Wave(cycle, decode, mixed, decoding)


def _in_waves(model: StepModel, shape: Shape, running: float, away_ms: float) -> Steady:
    """Equal requests that begin together end together: prompts of all in as few steps as have room for them,
    then steps without prompts."""
    tokens = shape.steps
    wave, whole = _wave(model, shape, running, away_ms), shape.batched_tokens / shape.computed
    cycle = wave.cycle
    if 1 <= whole < running:  # waves that overlap are not slower than those that just fit a step
        cycle = min(cycle, _wave(model, shape, whole, away_ms).cycle * running / whole)
    first = max(cycle - wave.decode - away_ms, wave.mixed)
    return Steady(
        running=running,
        requests_per_ms=running / cycle,
        ttft_ms=first,
        own_prefill_ms=min(_own_prefill_ms(model, shape, wave.decoding, 0.0), first),
        tpot_ms=wave.decode / tokens / shape.tokens_per_step if tokens else 0.0,
        tpot_deviation=0.0,
    )


def open_loop(model: StepModel, shape: Shape, rate: float, most: float) -> Steady | None:
    """``rate`` requests per ms arriving by chance; None when ``most`` running requests cannot keep up.

    The mean step is where the step that the arrivals of one step make is as long as that step. A step grows
    less than its contents, so there is one such length, or none.
    """
    tokens = shape.steps
    alone = 1.0 if tokens else 0.0

    def made(mean: float) -> _Step:
        step = _mean_step(model, shape, alone + rate * tokens * mean, rate * shape.computed * mean)
        return step if tokens else _Step(step.mixed, step.mixed, step.mixed, 1.0)  # no step without a prompt

    longest = shape.batched_tokens / (rate * (shape.computed + tokens * shape.positions))
    longest = min(longest, most / (rate * tokens)) if tokens else longest
    if made(longest).mean > longest:
        return None
    mean = _root(lambda length: length - made(length).mean, 0.0, longest)
    step, decoding = made(mean), rate * tokens * mean
    own = _own_prefill_ms(model, shape, decoding, rate * shape.computed * mean)
    load = rate * shape.computed * step.mixed / shape.budget(decoding)
    load = min(load, _MOST_BUSY)
    working = 1 - math.exp(-rate * (own + tokens * mean))
    rest = 0.5 * working * (step.share * step.mixed**2 + (1 - step.share) * step.plain**2) / step.mean
    first = rest + own + load / (2 * (1 - load)) * own  # M/D/1 in prompts
    running = rate * (own + tokens * mean)  # who waits for the next step has no place yet
    if running > most:
        return None
    return Steady(
        running=running,
        requests_per_ms=rate,
        ttft_ms=first,
        own_prefill_ms=_own_prefill_ms(model, shape, decoding, 0.0),
        tpot_ms=mean / shape.tokens_per_step if tokens else 0.0,
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
