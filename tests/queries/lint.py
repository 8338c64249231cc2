"""Judges queries against what the pinned vLLM and the exporters beside it export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from components.metrics import Metrics
from tests.queries import promql

OVER_TIME = frozenset(
    {"rate", "irate", "increase", "resets", "changes", "absent", "absent_over_time", "count", "group"}
    | {promql.BORN}
)
"""What makes sense of a series that only grows."""
RATES = frozenset({"rate", "irate", "increase", "resets"})
WORKLOAD_LABELS = {"model_name", "workload", "requested_model", "model_group", "model", "deployment", "pod"}
OWN = "inferstack:"


@dataclass(frozen=True, kw_only=True)
class Query:
    """An expression and where it stands. ``record`` is the name it is kept under."""

    where: str
    kind: str
    """``alert``, ``record``, ``panel``, ``variable`` or ``scaler``."""
    expr: str
    record: str | None = None
    labels: frozenset[str] = field(default_factory=frozenset)
    """That a recording rule adds."""


def lint(queries: Iterable[Query], metrics: Metrics) -> list[str]:
    """Everything wrong, one line each; recording rules are known to those that use them."""
    found, series = list(queries), dict(metrics.series)
    problems: list[str] = []
    for query in (item for item in found if item.record):
        if not str(query.record).startswith(OWN):
            problems.append(f"{query.where}: {query.record} is not named {OWN}...")
        shaper = promql.Shaper(series, metrics.scraped)
        series[str(query.record)] = _shape(query, shaper).labels | query.labels
    for query in found:
        problems += [f"{query.where}: {problem}" for problem in judge(query, metrics, series)]
    return sorted(set(problems))


def _shape(query: Query, shaper: promql.Shaper) -> promql.Shape:
    try:
        return shaper.shape(promql.parse(query.expr))
    except ValueError:
        return promql.Shape(labels=promql.ANY)


def judge(query: Query, metrics: Metrics, series: dict[str, frozenset[str]]) -> Iterator[str]:
    try:
        expr = promql.parse(query.expr)
    except ValueError as error:
        yield f"not PromQL: {error}"
        return
    for selector in promql.selectors(expr):
        yield from _selected(selector, query, metrics, series)
    shaper = promql.Shaper(series, metrics.scraped)
    shape = shaper.shape(expr)
    yield from shaper.problems
    if query.kind == "scaler" and not (shape.exact and not shape.labels):
        yield "a scaler takes one series; aggregate without `by`"


def _selected(
    selector: promql.Selector, query: Query, metrics: Metrics, series: dict[str, frozenset[str]]
) -> Iterator[str]:
    if selector.name not in series:
        yield f"{selector.name or 'a selector without name'}: {_unknown(selector.name, metrics)}"
        return
    labels = series[selector.name] | metrics.scraped
    for label, _, _ in selector.matchers:
        if label not in labels and series[selector.name] != promql.ANY:
            yield f"{selector.name} has no label {label}; it has {', '.join(sorted(series[selector.name]))}"
    if selector.name in metrics.counters and not OVER_TIME & set(selector.around):
        yield f"{selector.name} only grows: take its rate or increase"
    if RATES & set(selector.around) and _is_gauge(selector.name, metrics):
        yield f"{selector.name} is a gauge: its rate means nothing"
    if query.kind in {"alert", "scaler"} and (switch := _switch(selector.name, metrics)):
        yield f"{selector.name} exists only with {switch}"
    if query.kind == "scaler" and not WORKLOAD_LABELS & {name for name, _, _ in selector.matchers}:
        yield f"{selector.name} is not filtered by workload: it counts other models too"


def _unknown(name: str, metrics: Metrics) -> str:
    if name in metrics.gone:
        return metrics.gone[name]
    family = next((part for part in metrics.gone if name.startswith(part + "_")), None)
    if family:
        return metrics.gone[family]
    if name in metrics.histograms:
        return "a histogram has no series of its own name, only _bucket, _sum and _count"
    return "nothing exports that"


def _is_gauge(name: str, metrics: Metrics) -> bool:
    return any(item.kind == "gauge" and item.name == name for item in metrics.known)


def _switch(name: str, metrics: Metrics) -> str | None:
    return next((item.only_with for item in metrics.known for part, _ in item.series() if part == name), None)
