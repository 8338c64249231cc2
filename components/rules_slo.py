"""Service levels as error budgets: recorded error ratios and multi-window, multi-burn-rate alerts.

Windows and factors are those of the Google SRE workbook, chapter 5 (table 5-8): a burn of 14.4 over an hour
spends two percent of a 30-day budget. Each long window has a short one of a twelfth, so that an alert ends
soon after its cause.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from components.rules import Alert, Recording, Severity

if TYPE_CHECKING:
    from components.watch import Watched

LATENCY_BUDGET: Final = Decimal("0.05")
"""A 95th percentile lets five percent be slower."""
DEFAULT_AVAILABILITY: Final = Decimal("0.999")
MOST: Final = Decimal("0.9")
"""A large budget times a large factor passes one, and no ratio ever does."""
RECORD: Final = "inferstack:slo_errors:ratio_rate"


@dataclass(frozen=True, kw_only=True)
class Window:
    factor: Decimal
    long: str
    short: str
    severity: Severity
    span: dt.timedelta


WINDOWS: Final = (
    Window(factor=Decimal("14.4"), long="1h", short="5m", severity="critical", span=dt.timedelta(hours=1)),
    Window(factor=Decimal(6), long="6h", short="30m", severity="critical", span=dt.timedelta(hours=6)),
    Window(factor=Decimal(3), long="1d", short="2h", severity="warning", span=dt.timedelta(days=1)),
    Window(factor=Decimal(1), long="3d", short="6h", severity="warning", span=dt.timedelta(days=3)),
)
HOLD: Final = {"critical": "2m", "warning": "15m"}


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One service level: its error ratio over a window (``{w}`` in ``ratio``) and how much may miss it."""

    slo: str
    alert: str
    ratio: str
    budget: Decimal
    promise: str
    family: str | None = None
    """Histogram family whose bounds must hold ``bound``."""
    bound: str | None = None

    def threshold(self, window: Window) -> Decimal:
        return min(MOST, self.budget * window.factor)


def objectives(watched: Watched) -> tuple[Objective, ...]:
    """The levels a workload states, latency first."""
    slo = watched.facts.slo
    stated = (
        ("ttft", "ModelTtftBurn", "time_to_first_token_seconds", "time_to_first_token", slo.ttft_p95_ms),
        ("itl", "ModelItlBurn", "inter_token_latency_seconds", "inter_token_latency", slo.itl_p95_ms),
        ("e2e", "ModelE2eBurn", "e2e_request_latency_seconds", "request_latency", slo.e2e_p95_ms),
    )
    latency = (
        _latency(watched, slo=name, alert=alert, metric=metric, family=family, bound_ms=bound_ms)
        for name, alert, metric, family, bound_ms in stated
        if bound_ms is not None
    )
    return (*latency, _availability(watched))


def _latency(
    watched: Watched, *, slo: str, alert: str, metric: str, family: str, bound_ms: Decimal
) -> Objective:
    bound = repr(float(bound_ms / 1000))  # ``le`` as Prometheus writes it: 1.0, 0.06
    within = f'sum(rate(vllm:{metric}_bucket{{{watched.selector},le="{bound}"}}[{{w}}]))'
    return Objective(
        slo=slo,
        alert=alert,
        ratio=f"1 - {within} / sum(rate(vllm:{metric}_count{{{watched.selector}}}[{{w}}]))",
        budget=LATENCY_BUDGET,
        promise=f"{slo.upper()} within {plain(bound_ms)} ms for 95 %",
        family=family,
        bound=bound,
    )


def _availability(watched: Watched) -> Objective:
    """As callers see it, at the gateway; without one, from what the engine says it failed."""
    if watched.behind_gateway:
        name, wrong = "litellm_proxy_total_requests_metric_total", 'status_code=~"5.."'
        where = watched.requested
    else:
        name, wrong = "vllm:request_success_total", 'finished_reason="error"'
        where = watched.selector
    promised = watched.facts.slo.availability or DEFAULT_AVAILABILITY
    failed = f"(sum(rate({name}{{{where},{wrong}}}[{{w}}])) or vector(0))"
    return Objective(
        slo="availability",
        alert="ModelAvailabilityBurn",
        ratio=f"{failed} / sum(rate({name}{{{where}}}[{{w}}]))",
        budget=1 - promised,
        promise=f"{plain(promised * 100)} % of requests answered",
    )


def windows(retention_days: int) -> tuple[Window, ...]:
    """Those that the kept history covers."""
    return tuple(window for window in WINDOWS if window.span <= dt.timedelta(days=retention_days))


def slo_rules(watched: Watched, retention_days: int) -> Iterator[Recording | Alert]:
    """Ratios by window, then a page and a ticket for each objective."""
    usable = windows(retention_days)
    for objective in objectives(watched):
        lengths = dict.fromkeys(length for window in usable for length in (window.short, window.long))
        for length in lengths:
            expr = objective.ratio.replace("{w}", length)
            yield Recording(name=f"{RECORD}{length}", expr=expr, labels={"slo": objective.slo})
    for objective in objectives(watched):
        for severity in ("critical", "warning"):
            if found := [window for window in usable if window.severity == severity]:
                yield _alert(watched, objective, found)


def _alert(watched: Watched, objective: Objective, found: list[Window]) -> Alert:
    severity = found[0].severity
    return Alert(
        name=objective.alert,
        expr=" or ".join(_burns(watched, objective, window) for window in found),
        severity=severity,
        hold=HOLD[severity],
        summary=f"{watched.name} spends its error budget too fast: {objective.promise} is promised",
    )


def _burns(watched: Watched, objective: Objective, window: Window) -> str:
    limit = plain(objective.threshold(window))
    where = f'{{workload="{watched.label}",slo="{objective.slo}"}}'
    # the sides carry the same labels; the names differ and are not compared
    return f"({RECORD}{window.long}{where} > {limit} and {RECORD}{window.short}{where} > {limit})"


def plain(value: Decimal) -> str:
    return format(value.normalize(), "f")
