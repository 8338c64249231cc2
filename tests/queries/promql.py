"""What a PromQL expression selects and which labels its result has, from the parsed tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import promql_parser as promql

GRAFANA = re.compile(r"\$__(?:rate_interval|interval|range)|\$\{__(?:rate_interval|interval|range)\}")
NO_SERIES = {"time", "vector", "scalar", "pi"}
BORN = "born"
"""Around a series that is new."""
ANY = frozenset({"*"})
"""Labels of something that is not in the catalog: nothing more is said about it."""
SET_OPERATORS = {"and", "or", "unless"}
SHAPES_KEPT = {"topk", "bottomk", "limitk", "limit_ratio"}
"""Aggregations that choose series and leave them whole."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Labels of a result. ``exact``: these and no others; else some of these."""

    labels: frozenset[str]
    exact: bool = False

    def has(self, label: str) -> bool:
        return self.labels == ANY or label in self.labels

    def without(self, names: set[str]) -> Shape:
        return self if self.labels == ANY else Shape(labels=self.labels - names, exact=self.exact)


@dataclass(frozen=True, kw_only=True)
class Selector:
    """One selection of series and the functions around it, innermost first."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]
    around: tuple[str, ...]


def parse(query: str) -> promql.Expr:
    """ValueError says what is wrong. Grafana's own durations become five minutes."""
    return promql.parse(GRAFANA.sub("5m", query))


def selectors(expr: promql.Expr, around: tuple[str, ...] = ()) -> Iterator[Selector]:
    if isinstance(expr, promql.MatrixSelector):
        yield from selectors(expr.vector_selector, around)
    elif isinstance(expr, promql.VectorSelector):
        found = tuple((item.name, str(item.op), item.value) for item in expr.matchers.matchers)
        yield Selector(name=expr.name or "", matchers=found, around=around)
    else:
        word = _word(expr)
        for child in children(expr):
            yield from selectors(child, (word, *around) if word else around)


def _word(expr: promql.Expr) -> str:
    if isinstance(expr, promql.Call):
        return str(expr.func.name)
    if _born(expr):
        return BORN
    return str(expr.op) if isinstance(expr, promql.AggregateExpr) else ""


def _born(expr: promql.Expr) -> bool:
    """``x unless x offset 10m``: series that are younger than that, whose height is what they grew by."""
    if not (isinstance(expr, promql.BinaryExpr) and str(expr.op) == "unless"):
        return False
    left, right = expr.lhs, expr.rhs
    if not all(isinstance(side, promql.VectorSelector) for side in (left, right)):
        return False
    return left.name == right.name and left.offset is None and right.offset is not None


def children(expr: promql.Expr) -> Iterator[promql.Expr]:
    if isinstance(expr, promql.BinaryExpr):
        yield from (expr.lhs, expr.rhs)
    elif isinstance(expr, promql.Call):
        yield from expr.args
    elif isinstance(expr, promql.AggregateExpr | promql.ParenExpr | promql.UnaryExpr | promql.SubqueryExpr):
        yield expr.expr


class Shaper:
    """Derives shapes; what cannot match or is not there is collected in ``problems``."""

    def __init__(self, series: dict[str, frozenset[str]], scraped: frozenset[str]) -> None:
        self.series, self.scraped, self.problems = series, scraped, list[str]()

    def shape(self, expr: promql.Expr) -> Shape:
        if isinstance(expr, promql.MatrixSelector):
            return self.shape(expr.vector_selector)
        if isinstance(expr, promql.VectorSelector):
            known = self.series.get(expr.name or "")
            return Shape(labels=ANY) if known is None else Shape(labels=known | self.scraped)
        if isinstance(expr, promql.AggregateExpr):
            return self._aggregate(expr)
        if isinstance(expr, promql.BinaryExpr):
            return self._binary(expr)
        if isinstance(expr, promql.Call):
            return self._call(expr)
        inner = list(children(expr))
        return self.shape(inner[0]) if inner else Shape(labels=frozenset(), exact=True)

    def _aggregate(self, expr: promql.AggregateExpr) -> Shape:
        inner = self.shape(expr.expr)
        if str(expr.op) in SHAPES_KEPT:
            return inner
        if expr.modifier is None:
            return Shape(labels=frozenset(), exact=True)
        names = set(expr.modifier.labels)
        if expr.modifier.type == promql.AggModifierType.Without:
            return inner.without(names)
        self._need(inner, names, f"{expr.op} by")
        return Shape(labels=frozenset(names), exact=True)

    def _call(self, expr: promql.Call) -> Shape:
        name = str(expr.func.name)
        shapes = [self.shape(item) for item in expr.args]
        if name in NO_SERIES:
            return Shape(labels=frozenset(), exact=True)
        if name in {"absent", "absent_over_time"}:
            found = [word for one in selectors(expr) for word, op, _ in one.matchers if "Equal" in op]
            return Shape(labels=frozenset(found), exact=True)
        if name == "histogram_quantile":
            self._need(shapes[1], {"le"}, name)
            return shapes[1].without({"le"})
        if name in {"label_replace", "label_join"}:
            return Shape(labels=shapes[0].labels | {str(expr.args[1].val)}, exact=shapes[0].exact)
        return next((item for item in shapes if item.labels), shapes[0] if shapes else Shape(labels=ANY))

    def _binary(self, expr: promql.BinaryExpr) -> Shape:
        left, right = self.shape(expr.lhs), self.shape(expr.rhs)
        if _scalar(expr.lhs) or _scalar(expr.rhs):
            return right if _scalar(expr.lhs) else left
        matching = expr.modifier.matching if expr.modifier else None
        on = matching is not None and matching.type == promql.LabelModifierType.Include
        names = set(matching.labels) if matching else set()
        for side in (left, right):
            self._need(side, names if on else set(), f"{expr.op} on")
        if str(expr.op) not in {"or"} and matching is None and left.exact and right.exact:
            self._alike(left, right, str(expr.op))
        if str(expr.op) in SET_OPERATORS:
            return left if str(expr.op) != "or" else _either(left, right)
        return self._matched(expr, left, right, partial(_kept, names, on))

    def _matched(self, expr: promql.BinaryExpr, left: Shape, right: Shape, kept: partial[Shape]) -> Shape:
        card = expr.modifier.card if expr.modifier else promql.VectorMatchCardinality.OneToOne
        if card == promql.VectorMatchCardinality.OneToOne:
            return kept(left)
        many, one = (left, right) if card == promql.VectorMatchCardinality.ManyToOne else (right, left)
        extra = set(expr.modifier.group_labels or ())
        self._need(one, extra, "group")
        return Shape(labels=many.labels if many.labels == ANY else many.labels | extra, exact=many.exact)

    def _need(self, shape: Shape, names: set[str], place: str) -> None:
        for name in sorted(names):
            if not shape.has(name):
                self.problems.append(f"{place} ({name}): nothing there has that label")

    def _alike(self, left: Shape, right: Shape, operator: str) -> None:
        if left.labels != right.labels:
            sides = " and ".join("{" + ", ".join(sorted(side.labels)) + "}" for side in (left, right))
            self.problems.append(f"the sides of {operator} have different labels and never match: {sides}")


def _kept(names: set[str], on: bool, left: Shape) -> Shape:
    if on:
        return Shape(labels=frozenset(names), exact=True)
    return left.without(names)


def _either(left: Shape, right: Shape) -> Shape:
    if ANY in (left.labels, right.labels):
        return Shape(labels=ANY)
    return Shape(labels=left.labels | right.labels, exact=left.exact and right.exact)


def _scalar(expr: promql.Expr) -> bool:
    if isinstance(expr, promql.ParenExpr | promql.UnaryExpr):
        return _scalar(expr.expr)
    if isinstance(expr, promql.BinaryExpr):
        return _scalar(expr.lhs) and _scalar(expr.rhs)
    return isinstance(expr, promql.NumberLiteral) or (
        isinstance(expr, promql.Call) and expr.func.name in {"scalar", "time", "pi"}
    )
