"""What a workload means with its defaults filled in: pure arithmetic on a spec, each assumption named.

The defaults and their sources are in ``defaults.py``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inferstack.spec.defaults import AVAILABILITY, CATALOG_TASKS, DEFAULTS, PEAK_TO_AVERAGE, STEP_DURATION
from inferstack.units import SECONDS_PER_DAY, duration

if TYPE_CHECKING:
    from inferstack.spec.capacity import Autoscaling
    from inferstack.spec.defaults import Task, TaskDefaults
    from inferstack.spec.delivery import Rollout
    from inferstack.spec.environment import Environment
    from inferstack.spec.traffic import TokenCount, Traffic
    from inferstack.spec.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedTraffic:
    """Rates in requests, counts in tokens per request; p95 is never below the mean."""

    requests_per_day: float
    peak_requests_per_second: float
    peak_to_average: float
    input_tokens: float
    input_tokens_p95: float
    output_tokens: float
    output_tokens_p95: float
    shared_prefix: float
    concurrency: int | None
    assumptions: tuple[str, ...]
    """What was not stated, in words: ``input tokens 512 (chat: llm-d Planner ...)``."""

    @property
    def tokens_per_day(self) -> float:
        return self.requests_per_day * (self.input_tokens + self.output_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedLevels:
    """Service levels at peak, 95th percentiles in ms; None: the task has no such level."""

    ttft_p95_ms: float | None
    itl_p95_ms: float | None
    e2e_p95_ms: float | None
    availability: float
    assumptions: tuple[str, ...]


def task_of(workload: Workload, catalog_task: str | None) -> Task:
    """The stated task, else the catalog's task of the model (``embedding`` is ``embed``), else chat."""
    if workload.model.task is not None:
        return workload.model.task
    return CATALOG_TASKS.get(catalog_task or "", "chat")


def traffic_of(workload: Workload, task: Task) -> ResolvedTraffic:
    """Rates and token counts of a workload."""
    traffic, defaults = workload.traffic, DEFAULTS[task]
    notes: list[str] = []
    observed = traffic.observed
    seen_input = (observed.input_mean, observed.input_p95) if observed is not None else None
    seen_output = (observed.output_mean, observed.output_p95) if observed is not None else None
    source = f"{task}: {defaults.source}"
    input_mean, input_p95 = _tokens(
        traffic.input_tokens, seen_input, _preset_input(defaults), f"input tokens %s ({source})", notes
    )
    output_mean, output_p95 = _tokens(
        traffic.output_tokens, seen_output, _preset_output(defaults), f"output tokens %s ({source})", notes
    )
    ratio = _peak_to_average(traffic, notes)
    per_day = _requests_per_day(traffic, ratio, input_mean + output_mean)
    return ResolvedTraffic(
        requests_per_day=per_day,
        peak_requests_per_second=traffic.peak_requests_per_second or per_day * ratio / SECONDS_PER_DAY,
        peak_to_average=ratio,
        input_tokens=input_mean,
        input_tokens_p95=input_p95,
        output_tokens=output_mean,
        output_tokens_p95=output_p95,
        shared_prefix=traffic.shared_prefix,
        concurrency=traffic.concurrency,
        assumptions=tuple(notes),
    )


def _preset_input(defaults: TaskDefaults) -> tuple[float, float]:
    """Mean tokens and p95 over mean."""
    return defaults.input_tokens, defaults.input_p95_over_mean


def _preset_output(defaults: TaskDefaults) -> tuple[float, float]:
    return defaults.output_tokens, defaults.output_p95_over_mean


def _tokens(
    stated: TokenCount | None,
    observed: tuple[float, float] | None,
    preset: tuple[float, float],
    wording: str,
    notes: list[str],
) -> tuple[float, float]:
    """Mean and p95: as stated, else as in the trace, else the preset; a lone mean gets its spread."""
    if stated is not None and stated.p95 is not None:
        return stated.mean, stated.p95
    if stated is None and observed is not None:
        return observed
    mean = stated.mean if stated is not None else preset[0]
    p95 = mean * preset[1]
    if mean > 0:
        notes.append(wording % (f"p95 {p95:,.0f}" if stated is not None else f"{mean:,.0f}, p95 {p95:,.0f}"))
    return mean, p95


def _peak_to_average(traffic: Traffic, notes: list[str]) -> float:
    if traffic.peak_to_average is not None:
        return traffic.peak_to_average
    if traffic.hourly is not None:
        return max(traffic.hourly) * len(traffic.hourly) / sum(traffic.hourly)
    if traffic.observed is not None:
        return traffic.observed.peak_to_average
    notes.append(f"peak {PEAK_TO_AVERAGE:g} times the average (llm-d Planner, chatbot load)")
    return PEAK_TO_AVERAGE


def _requests_per_day(traffic: Traffic, peak_to_average: float, tokens_per_request: float) -> float:
    if traffic.requests_per_day is not None:
        return traffic.requests_per_day
    if traffic.tokens_per_day is not None:
        return traffic.tokens_per_day / tokens_per_request
    assert traffic.peak_requests_per_second is not None, "the spec demands one volume"
    return traffic.peak_requests_per_second / peak_to_average * SECONDS_PER_DAY


def levels_of(workload: Workload, task: Task) -> ResolvedLevels:
    """Service levels of a workload: each as stated, else the task's."""
    slo, defaults = workload.slo, DEFAULTS[task]
    notes: list[str] = []

    def level(name: str, stated: dt.timedelta | None, default_ms: float | None) -> float | None:
        if stated is not None:
            return stated / dt.timedelta(milliseconds=1)
        if default_ms is not None:
            notes.append(f"{name} p95 {duration(default_ms / 1000)} ({task}: {defaults.source})")
        return default_ms

    if slo.availability is None:
        notes.append(f"availability {AVAILABILITY:.1%} (judgement)")
    return ResolvedLevels(
        ttft_p95_ms=level("TTFT", slo.ttft_p95, defaults.ttft_p95_ms),
        itl_p95_ms=level("ITL", slo.itl_p95, defaults.itl_p95_ms),
        e2e_p95_ms=level("whole request", slo.e2e_p95, defaults.e2e_p95_ms),
        availability=slo.availability if slo.availability is not None else AVAILABILITY,
        assumptions=tuple(notes),
    )


def residency_of(workload: Workload, environment: Environment) -> tuple[str, ...]:
    """Where the workload's data may be: its own word, else the environment's; empty: anywhere."""
    return workload.data.residency or environment.data.residency


def autoscaling_of(workload: Workload, environment: Environment) -> Autoscaling:
    """Who sets the number of replicas: as stated, else KEDA where there are metrics to scale on."""
    stated = workload.capacity.autoscaling
    if stated is not None:
        return stated
    return "none" if environment.monitoring.stack == "none" else "keda"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What sends a new version back: a share of failures, 95th percentiles in ms; None: no such limit."""

    error_rate: float
    ttft_p95_ms: float | None
    itl_p95_ms: float | None
    step_s: int
    """How long each step is watched."""


def limits_of(
    rollout: Rollout, *, availability: float, ttft_p95_ms: float | None, itl_p95_ms: float | None
) -> Limits:
    """``abortOn`` as stated; what it does not state, the service levels do."""
    stated = rollout.abort_on
    millisecond = dt.timedelta(milliseconds=1)
    return Limits(
        error_rate=stated.error_rate if stated.error_rate is not None else round(1 - availability, 12),
        ttft_p95_ms=stated.ttft_p95 / millisecond if stated.ttft_p95 is not None else ttft_p95_ms,
        itl_p95_ms=stated.itl_p95 / millisecond if stated.itl_p95 is not None else itl_p95_ms,
        step_s=round((rollout.step_duration or STEP_DURATION).total_seconds()),
    )
