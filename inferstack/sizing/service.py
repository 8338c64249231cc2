"""What users of one engine see: rates and latencies under a load, in steady state or over a finite run."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from inferstack.sizing.batch_limits import Limits, limits_for
from inferstack.sizing.batching import Requests, run
from inferstack.sizing.constants import Constants, EngineConstants, generation, load_constants
from inferstack.sizing.queueing import Shape, Steady, closed_loop, open_loop, slot_wait_ms
from inferstack.sizing.steptime import StepModel
from inferstack.sizing.traffic import (
    are_equal,
    output_lengths,
    output_variation,
    poisson_arrivals_ms,
    prompt_lengths,
)
from inferstack.sizing.types import Percentiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferstack.sizing.batching import Trace
    from inferstack.sizing.types import Deployment, Load

_ADMITTED_SHARE: Final = 0.97
_OVERLOAD_PROMPTS: Final = 1000
"""Requests that an overload without an end is judged by; `vllm bench serve` sends as many."""
_CROWD: Final = 2 / 3 * math.sqrt(2 * _OVERLOAD_PROMPTS / math.pi)
"""Requests that wait on average over such a run when as many are served as come: a reflected random walk."""
_ALL_TO_ALL: Final = "trtllm"
"""The engine that ships kernels which send tokens only where their experts are."""
_NOISE: Final = 0.04
"""Spread of a request's mean time per token that no model of steps explains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One engine ready to be put under load."""

    model: StepModel
    constants: EngineConstants
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One engine under its share of the load."""

    requests_per_second: float
    ttft_ms: Percentiles
    tpot_ms: Percentiles
    e2e_ms: Percentiles
    running: float
    saturated: bool
    itl_ms: float
    """Mean time between tokens over all tokens, which long requests dominate."""


@lru_cache(maxsize=4096)
def engine_for(deployment: Deployment, longest: int) -> Engine:
    """The engine of a deployment (one of its ranks, among the others) with the constants that ship, for
    requests of up to ``longest`` tokens."""
    return build_engine(deployment, longest, load_constants(), generation(deployment.vllm_version))


def build_engine(deployment: Deployment, longest: int, constants: Constants, engine: str) -> Engine:
    """An engine from given constants and one of their engine generations."""
    own = constants.engines[engine]
    return Engine(
        model=StepModel(deployment, constants, own, all_to_all=engine == _ALL_TO_ALL),
        constants=own,
        limits=limits_for(deployment, longest, activation_share=own.activation_share),
    )


def shape_of(load: Load, limits: Limits) -> Shape:
    """Mean tokens of a request; the held context weighs requests by how long they stay."""
    output = max(load.output_tokens, 0.0)
    variation = output_variation(load)
    return Shape(
        prompt=load.input_tokens,
        computed=max(load.input_tokens * (1 - load.shared_prefix), 1.0),
        output=max(output, 1.0),
        held=load.input_tokens + output * (1 + variation**2) / 2,
        batched_tokens=limits.batched_tokens,
        tokens_per_step=limits.tokens_per_step,
        positions=limits.positions,
        equal=are_equal(load),
    )


def most_running(engine: Engine, shape: Shape) -> float:
    """Requests that run at once when many wait."""
    by_cache = engine.limits.kv_tokens * _ADMITTED_SHARE / max(shape.held, 1.0)
    return max(min(float(engine.limits.sequences), by_cache), 1.0)


def saturation(engine: Engine, load: Load) -> Steady:
    """The engine with more work than it can take."""
    shape = shape_of(load, engine.limits)
    return _full(engine, shape, most_running(engine, shape))


def steady_service(engine: Engine, load: Load) -> Service:
    """The load for ever: a closed loop of ``load.concurrency``, or arrivals at ``load.request_rate``."""
    shape = shape_of(load, engine.limits)
    most = most_running(engine, shape)
    if load.concurrency is not None:
        running = min(float(load.concurrency), most)
        away_ms = engine.constants.request_ms if load.concurrency <= most else 0.0
        state = closed_loop(engine.model, shape, running, away_ms)
        waiting = (load.concurrency - running) / state.requests_per_ms
        return _steady(engine, load, state, waiting, saturated=load.concurrency > most)
    assert load.request_rate is not None
    rate = load.request_rate / 1e3
    full = _overloaded(engine, shape, most)
    longest = full.ttft_ms + _overload_wait_ms(full, rate)
    below = open_loop(engine.model, shape, rate, most) if math.isfinite(rate) else None
    wait = slot_wait_ms(below, most) if below else math.inf
    if below is None or math.isinf(wait):
        return _steady(engine, load, full, longest - full.ttft_ms, saturated=True)
    # Who comes before there is too much fares no worse than who comes after.
    first, tpot = min(below.ttft_ms, longest), min(below.tpot_ms, full.tpot_ms)
    below = replace(below, ttft_ms=first, tpot_ms=tpot)
    return _steady(engine, load, below, min(wait, longest - first), saturated=False)


@lru_cache(maxsize=1024)  # asked at every rate that a search tries
def _full(engine: Engine, shape: Shape, most: float) -> Steady:
    return closed_loop(engine.model, shape, most)


def _overloaded(engine: Engine, shape: Shape, most: float) -> Steady:
    """The engine with all places taken by requests that came by chance, which do not move in step."""
    full = _full(engine, shape, most)
    if not shape.equal:
        return full
    loose = closed_loop(engine.model, replace(shape, equal=False), most, crowd=True)
    return replace(full, tpot_ms=max(full.tpot_ms, loose.tpot_ms), ttft_ms=max(full.ttft_ms, loose.ttft_ms))


def _overload_wait_ms(full: Steady, rate: float) -> float:
    """Mean wait over a run that asks for more than ``full`` gives: for the step under way and for a place."""
    behind = 1 - min(full.requests_per_ms / rate, 1.0)
    left_over = behind * _OVERLOAD_PROMPTS / 2 / full.requests_per_ms
    by_chance = _CROWD / full.requests_per_ms
    return math.hypot(left_over, by_chance) + (full.tpot_ms or full.ttft_ms) / 2


def _steady(engine: Engine, load: Load, state: Steady, waiting: float, *, saturated: bool) -> Service:
    own = engine.constants
    fixed = own.request_ms + state.own_prefill_ms
    varying = state.ttft_ms - state.own_prefill_ms + waiting
    ttft = _delay(fixed, varying, step=state.tpot_ms or state.own_prefill_ms)
    tpot = _normal(state.tpot_ms, math.hypot(state.tpot_deviation, _NOISE))
    tokens = max(load.output_tokens - 1, 0.0)
    long = 1 + 1.645 * output_variation(load)
    e2e = Percentiles(
        mean=ttft.mean + tokens * tpot.mean,
        p50=ttft.p50 + tokens * tpot.p50,
        p95=ttft.p95 + tokens * long * tpot.mean,
        p99=ttft.p99 + tokens * (1 + 1.41 * (long - 1)) * tpot.mean,
    )
    return Service(
        requests_per_second=state.requests_per_ms * 1e3,
        ttft_ms=ttft,
        tpot_ms=tpot,
        e2e_ms=e2e,
        running=state.running,
        saturated=saturated,
        itl_ms=state.tpot_ms,
    )


def _delay(fixed: float, varying: float, *, step: float) -> Percentiles:
    """Percentiles of a fixed part plus an exponential tail of mean ``varying`` (at most a step: uniform)."""
    uniform = min(varying, step / 2)
    tail = varying - uniform
    at = [fixed + 2 * uniform * q - tail * math.log(1 - q) for q in (0.5, 0.95, 0.99)]
    return Percentiles(mean=fixed + varying, p50=at[0], p95=at[1], p99=at[2])


def _normal(mean: float, variation: float) -> Percentiles:
    return Percentiles(
        mean=mean, p50=mean, p95=mean * (1 + 1.645 * variation), p99=mean * (1 + 2.326 * variation)
    )


def played_service(engine: Engine, load: Load, *, offline: bool = False) -> Service:
    """A run of ``load.num_prompts`` requests from an empty engine to the last token.

    ``offline``: no server in front, all prompts are handed over at once.
    """
    assert load.num_prompts is not None
    count = max(load.num_prompts, 1)
    prompts = [max(1, round(tokens * (1 - load.shared_prefix))) for tokens in prompt_lengths(load, count)]
    outputs = output_lengths(load, count)
    own = engine.constants
    outside = 0.0 if offline else own.request_ms
    requests = Requests(
        prompts=prompts,
        outputs=outputs,
        arrivals_ms=_arrivals(load, count, 0.0 if offline else own.frontend_ms),
        concurrency=load.concurrency,
        away_ms=outside,
    )
    return _played(load, outputs, run(engine.model, requests, engine.limits), outside)


def _arrivals(load: Load, count: int, frontend_ms: float) -> list[float] | None:
    if load.concurrency is not None:
        return None
    assert load.request_rate is not None
    if math.isinf(load.request_rate):
        return [frontend_ms * i for i in range(count)]
    return poisson_arrivals_ms(load.request_rate, count)


def _played(load: Load, outputs: Sequence[int], trace: Trace, outside_ms: float) -> Service:
    decoding = [last - first for first, last in zip(trace.first, trace.finish, strict=True)]
    gaps = sum(outputs) - len(outputs)
    itl = sum(decoding) / gaps if gaps else 0.0
    at_once = load.request_rate is not None and math.isinf(load.request_rate)
    sent = [0.0] * len(outputs) if at_once else trace.arrival
    ttft = [first - start + outside_ms for start, first in zip(sent, trace.first, strict=True)]
    e2e = [last - start + outside_ms for start, last in zip(sent, trace.finish, strict=True)]
    tpot = [spent / (n - 1) for spent, n in zip(decoding, outputs, strict=True) if n > 1]
    return Service(
        requests_per_second=len(outputs) / (trace.end + outside_ms) * 1e3,
        ttft_ms=_percentiles(ttft),
        tpot_ms=_percentiles(tpot or [0.0]),
        e2e_ms=_percentiles(e2e),
        running=sum(decoding) / trace.end,
        saturated=False,
        itl_ms=itl,
    )


def _percentiles(values: list[float]) -> Percentiles:
    ordered = sorted(values)

    def at(q: float) -> float:
        place = q * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (place - low) * (ordered[high] - ordered[low])

    return Percentiles(mean=sum(ordered) / len(ordered), p50=at(0.5), p95=at(0.95), p99=at(0.99))
