"""The search: cheapest first by a lower bound on cost, so that dear engines are never predicted.

Fit and prediction do not depend on the region: each engine is judged once, then priced wherever it is sold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

from inferstack.sizing.checkpoints import Weights
from inferstack.sizing.demand import Demand, LevelUse, Shortfall, level_uses
from inferstack.sizing.market import Market
from inferstack.sizing.need import Need, TooMany, need
from inferstack.sizing.options import Option, Settings, options
from inferstack.sizing.slots import CostKey, Placed, Terms, cheapest, slots
from inferstack.sizing.subject import Subject
from inferstack.sizing.types import Rejection
from inferstack.units import HOURS_PER_MONTH, usd

Objective = Literal["cost", "latency", "headroom"]
ALTERNATIVES_COST: Final = 4
OBJECTIVE_SPENDS: Final = Decimal(2)
"""Latency and headroom may cost this multiple of the cheapest plan when there is no budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One search."""

    subject: Subject
    demand: Demand
    market: Market
    settings: Settings
    terms: Terms
    objective: Objective = "cost"
    budget_usd_per_month: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Feasible:
    """An option that meets everything, where it is cheapest."""

    option: Option
    need: Need
    placed: Placed
    levels: tuple[LevelUse, ...]

    @property
    def at_risk(self) -> bool:
        """A level holds at the estimate and not at the far end of the prediction's range."""
        return any(level.worst_p95_ms > level.target_ms for level in self.levels)

    @property
    def tightness(self) -> float:
        """The largest share of a level that is used up."""
        return max((level.p95_ms / level.target_ms for level in self.levels), default=0.0)

    @property
    def cost(self) -> CostKey:
        return self.placed.cost

    @property
    def rank(self) -> tuple[CostKey, bool, tuple[int, int], int, float, str]:
        """Cheapest; then surest, closest to the released weights, fewest cautions, most slack; by name."""
        option = self.option
        cautions = len(option.warnings)
        return (self.cost, self.at_risk, option.quality_rank, cautions, self.tightness, option.label)


@dataclass(frozen=True, slots=True)
class Dearer:
    """An option that costs ``at_least`` this much."""

    option: Option
    at_least: CostKey


@dataclass(slots=True)
class Found:
    """All a search has found; ``misses`` holds how far each option missed, for the closest ones."""

    feasible: list[Feasible] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    misses: list[tuple[float, Rejection]] = field(default_factory=list)
    dearer: list[Dearer] = field(default_factory=list)
    """Ruled out by a lower bound on their cost; put into words once the winner is known."""


@dataclass(frozen=True, slots=True)
class _Entry:
    option: Option
    floor: Placed

    @property
    def rank(self) -> tuple[CostKey, tuple[int, int], str]:
        return (self.floor.cost, self.option.quality_rank, self.option.label)


def latency_ms(feasible: Feasible) -> float:
    """What latency is compared by: TTFT p95, or the whole request for models that do not generate."""
    at_peak = feasible.need.at_peak
    encoder = feasible.option.deployment.architecture.kind == "encoder"
    return at_peak.e2e_ms.p95 if encoder else at_peak.ttft_ms.p95


def monthly(cost: CostKey) -> Decimal | None:
    """USD per month of a cost; None: no price."""
    return None if cost[0] else cost[1] * HOURS_PER_MONTH


@dataclass(frozen=True, slots=True)
class Scope:
    """Which engines a search may use; a plan widens it only when nothing else serves."""

    max_tier: int
    several_nodes: bool

    def holds(self, option: Option) -> bool:
        return option.tier <= self.max_tier and (self.several_nodes or option.cut.nodes == 1)

    def why_not(self, option: Option) -> Rejection:
        """For options outside: what it would take."""
        if option.tier > self.max_tier:
            what = "fp16 instead of bf16" if option.casts_to_fp16 else f"{option.weights.bits}-bit weights"
            reason = f"{what}: only where the spec asks for it or nothing else serves"
            return Rejection(code="quality", candidate=option.label, reason=reason)
        reason = f"a replica over {option.cut.nodes} nodes: only where no single node serves"
        return Rejection(code="hardware-rule", candidate=option.label, reason=reason)


def search(query: Query, scope: Scope) -> Found:
    """Judge every engine within ``scope``; feasible ones come sorted by cost."""
    found = Found()
    entries = _entries(query, scope, found)
    best: Feasible | None = None
    waiting: list[_Entry] = []
    for entry in entries:
        if best is not None and not _worth_it(query, entry, best):
            waiting.append(entry)
            continue
        feasible = _judge(query, entry, best, found)
        if feasible is not None and (best is None or feasible.rank < best.rank):
            best = feasible
    _look_around(query, waiting, best, found)
    found.feasible.sort(key=lambda feasible: feasible.rank)
    return found


def _entries(query: Query, scope: Scope, found: Found) -> list[_Entry]:
    """Fitting options with the least they can cost, cheapest first."""
    entries: list[_Entry] = []
    for form in query.subject.weights:
        if form.tier > scope.max_tier:
            found.rejections.append(_held_back(form))
            continue
        for stock in query.market.stocks:
            known = options(query.subject, form, stock, query.settings)
            found.rejections += known.rejections
            for option in known.fitting:
                if not scope.holds(option):
                    found.rejections.append(scope.why_not(option))
                    continue
                floor = cheapest(slots(query.market, option.gpu.id, option.cut), 1, query.terms)
                if floor is None:
                    found.rejections.append(_nowhere(query, option))
                else:
                    entries.append(_Entry(option, floor))
    return sorted(entries, key=lambda entry: entry.rank)


def _held_back(form: Weights) -> Rejection:
    reason = f"{form.bits or 'few'}-bit weights: only where the spec asks for them or nothing else serves"
    return Rejection(code="quality", candidate=f"{form.quantization} ({form.checkpoint})", reason=reason)


def _nowhere(query: Query, option: Option) -> Rejection:
    sold = slots(query.market, option.gpu.id, option.cut)
    if not sold:
        reason = f"no allowed instance type holds {option.cut} with enough host memory"
        return Rejection(code="not-sold", candidate=option.label, reason=reason)
    if query.terms.survives == "zone" and all(slot.zones < 2 for slot in sold):
        reason = "sold in one zone only, and the availability asks to survive the loss of a zone"
        return Rejection(code="zones", candidate=option.label, reason=reason)
    reason = f"redundancy needs more than the allowed {query.terms.max_replicas} replicas"
    return Rejection(code="slo-missed", candidate=option.label, reason=reason)


def _worth_it(query: Query, entry: _Entry, best: Feasible) -> bool:
    """Whether the option could still win: by cost, or within what the objective may spend."""
    if query.objective == "cost":
        return entry.floor.cost <= best.cost
    return within_reach(query, entry.floor.cost, best.cost)


def within_reach(query: Query, cost: CostKey, cheapest_cost: CostKey) -> bool:
    """Whether latency or headroom may be bought at this cost: the budget, or a multiple of the cheapest."""
    if cost[0] or cheapest_cost[0]:
        return cost <= cheapest_cost
    month = cost[1] * HOURS_PER_MONTH
    if query.budget_usd_per_month is not None:
        return month <= max(query.budget_usd_per_month, cheapest_cost[1] * HOURS_PER_MONTH)
    return cost[1] <= cheapest_cost[1] * OBJECTIVE_SPENDS


def _judge(query: Query, entry: _Entry, best: Feasible | None, found: Found) -> Feasible | None:
    """Predict one option; None when it lost, with the reason noted."""
    option = entry.option
    choices = slots(query.market, option.gpu.id, option.cut)
    placed: dict[int, Placed | None] = {}

    def place(serving: int) -> Placed | None:
        if serving not in placed:
            placed[serving] = cheapest(choices, serving, query.terms)
        return placed[serving]

    def usable(serving: int) -> bool:
        spot = place(serving)
        return spot is not None and (best is None or _affordable(query, spot.cost, best.cost))

    answer = need(option, query.demand, usable)
    if isinstance(answer, Need):
        fleet = place(answer.serving)
        assert fleet is not None
        feasible = Feasible(option, answer, fleet, level_uses(query.demand, answer.at_peak))
        found.feasible.append(feasible)
        return feasible
    if isinstance(answer, Shortfall):
        missed = Rejection(code="slo-missed", candidate=option.label, reason=answer.reason)
        found.misses.append((answer.factor, missed))
        found.rejections.append(missed)
        return None
    spot = place(answer.serving)
    if spot is None:
        found.rejections.append(_too_many(query, option, answer))
    else:
        found.dearer.append(Dearer(option, spot.cost))
    return None


def _affordable(query: Query, cost: CostKey, best: CostKey) -> bool:
    return cost <= best if query.objective == "cost" else within_reach(query, cost, best)


def _too_many(query: Query, option: Option, answer: TooMany) -> Rejection:
    spares = (
        "" if query.terms.survives == "nothing" else f" and spares for the loss of a {query.terms.survives}"
    )
    reason = (
        f"needs {answer.serving} or more serving replicas{spares};"
        f" {query.terms.max_replicas} replicas are allowed in all"
    )
    return Rejection(code="slo-missed", candidate=option.label, reason=reason)


def dearer(label: str, cost: CostKey, best: CostKey, *, at_least: bool = False) -> Rejection:
    """The rejection of what costs more than the best; ``at_least``: its cost is a lower bound."""
    month, best_month = monthly(cost), monthly(best)
    if month is None:
        return Rejection(code="no-price", candidate=label, reason="no price for what it would run on")
    words = f"{'at least ' if at_least else ''}{usd(month, cents=False)} a month"
    against = "" if best_month is None else f" against {usd(best_month, cents=False)}"
    return Rejection(code="dearer", candidate=label, reason=words + against)


def _look_around(query: Query, waiting: list[_Entry], best: Feasible | None, found: Found) -> None:
    """Judge the cheapest waiting option of each GPU and precision, as alternatives; the rest is dearer.

    Not beyond ``ALTERNATIVES_COST`` times the best: nobody buys that for a faster first token.
    """
    seen = {(feasible.option.gpu.id, feasible.option.weights.quantization) for feasible in found.feasible}
    for entry in waiting:
        assert best is not None
        kind = (entry.option.gpu.id, entry.option.weights.quantization)
        near = entry.floor.cost[0] == best.cost[0] and entry.floor.cost[1] <= best.cost[1] * ALTERNATIVES_COST
        if near and kind not in seen:
            seen.add(kind)
            _judge(query, entry, None, found)
        else:
            found.dearer.append(Dearer(entry.option, entry.floor.cost))
