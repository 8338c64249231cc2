"""The decision: widen the scope only as far as needed, pick by the objective, say why the others lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from inferstack.errors import BlockedError
from inferstack.sizing.candidates import pareto, preferred, rejected_elsewhere
from inferstack.sizing.query import Feasible, Found, Query, Scope, dearer, monthly, within_reach
from inferstack.sizing.search import search
from inferstack.sizing.types import Rejection
from inferstack.units import usd

_CLOSEST: Final = 3


@dataclass(frozen=True, slots=True)
class Decision:
    """What won and what else was worth a look; ``widened`` says what had to be allowed for it."""

    chosen: Feasible
    alternatives: tuple[Feasible, ...]
    rejections: tuple[Rejection, ...]
    widened: str | None = None


def decide(query: Query, name: str) -> Decision:
    """The winner of the narrowest scope that serves. BlockedError with the closest misses when none does."""
    found = Found()
    for scope in scopes(query):
        found = search(query, scope)
        if found.feasible:
            decision = _pick(query, scope, found)
            return _within_budget(query, scope, decision) or decision
    raise BlockedError(_nothing_serves(query, name, found))


def scopes(query: Query) -> tuple[Scope, ...]:
    """From what a careful engineer would take first to everything there is."""
    first = query.subject.first_tier
    tiers = sorted({first, 2})
    return tuple(Scope(tier, several) for tier in tiers for several in (False, True))


def _pick(query: Query, scope: Scope, found: Found) -> Decision:
    cheapest = found.feasible[0]
    reachable = [entry for entry in found.feasible if within_reach(query, entry.cost, cheapest.cost)]
    chosen = preferred(found.feasible, query, reachable) or cheapest
    kept, rejected = pareto(found.feasible, chosen)
    rejections = [*query.market.rejections, *found.rejections, *rejected]
    rejections += [
        dearer(entry.option.label, entry.at_least, chosen.cost, at_least=True) for entry in found.dearer
    ]
    rejections += rejected_elsewhere(chosen, query)
    rejections.sort(key=lambda rejection: (rejection.code, rejection.candidate))
    return Decision(chosen, tuple(kept), tuple(rejections), _widening(query, scope))


def _widening(query: Query, scope: Scope) -> str | None:
    narrow = scopes(query)[0]
    if scope == narrow:
        return None
    if scope.max_tier > narrow.max_tier:
        return "4-bit weights or fp16 casts, because nothing closer to the released weights meets the levels"
    return "replicas over several nodes, because no single node serves this model"


def _within_budget(query: Query, scope: Scope, decision: Decision) -> Decision | None:
    """A four-bit plan inside the budget, where the better-quality one is over it."""
    budget, month = query.budget_usd_per_month, monthly(decision.chosen.cost)
    if budget is None or month is None or month <= budget or scope.max_tier >= 2:
        return None
    found = search(query, Scope(2, scope.several_nodes))
    affordable = [entry for entry in found.feasible if _fits_budget(query, entry)]
    if not affordable:
        return None
    wider = _pick(query, Scope(2, scope.several_nodes), found)
    why = f"4-bit weights or fp16 casts, because {usd(month, cents=False)} a month is over the budget"
    return Decision(wider.chosen, wider.alternatives, wider.rejections, why)


def _fits_budget(query: Query, entry: Feasible) -> bool:
    month = monthly(entry.cost)
    return (
        month is not None and query.budget_usd_per_month is not None and month <= query.budget_usd_per_month
    )


def _nothing_serves(query: Query, name: str, found: Found) -> str:
    """The closest misses, and what would have to change."""
    lines = [f"{name}: nothing that may be bought meets the service levels"]
    close = sorted(found.misses, key=lambda miss: (miss[0], miss[1].candidate))[:_CLOSEST]
    lines += [f"  closest: {rejection.candidate}: {rejection.reason}" for _, rejection in close]
    if not close:
        lines += [f"  {count} x {code}: {example}" for code, count, example in reasons(found.rejections)]
        lines += [
            f"  {count} x {code}: {example}" for code, count, example in reasons(query.market.rejections)
        ]
    return "\n".join([*lines, f"  what could change: {'; '.join(_ways_out(query, found))}"])


def reasons(rejections: Sequence[Rejection]) -> list[tuple[str, int, str]]:
    """Rejections by code: how many, and one of them in words; most frequent first."""
    by_code: dict[str, list[Rejection]] = {}
    for rejection in rejections:
        by_code.setdefault(rejection.code, []).append(rejection)
    rows = [(code, len(group), f"{group[0].candidate}: {group[0].reason}") for code, group in by_code.items()]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def _ways_out(query: Query, found: Found) -> list[str]:
    ways = []
    if found.misses:
        ways.append("a longer service level, or shorter prompts")
    if any(
        rejection.code == "slo-missed" and "allowed" in rejection.reason for rejection in found.rejections
    ):
        ways.append("more capacity.replicas.max")
    if query.subject.asked_for not in {"auto"}:
        ways.append("quantization: auto")
    fits = [rejection for rejection in found.rejections if rejection.code == "does-not-fit"]
    if any("model length" in rejection.reason for rejection in fits):
        ways.append("a smaller model.maxContext")
    elif fits and not found.misses:
        ways.append("a smaller model, or GPUs with more memory")
    if any(rejection.code in {"not-sold", "no-price"} for rejection in query.market.rejections):
        ways.append("another region (inferstack plan --region)")
    if any(rejection.code == "zones" for rejection in found.rejections):
        ways.append("availability below 99.9%")
    if any(rejection.code == "denied" for rejection in query.market.rejections):
        ways.append("the allowed instance types")
    return ways or ["another model or region"]
