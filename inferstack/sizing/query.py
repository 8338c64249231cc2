"""The vocabulary of a search: what is asked, what was found, how candidates compare."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

from inferstack.sizing.demand import Demand, LevelUse
from inferstack.sizing.market import Market
from inferstack.sizing.need import Need
from inferstack.sizing.options import Option, Settings
from inferstack.sizing.slots import CostKey, Placed, Terms
from inferstack.sizing.subject import Subject
from inferstack.sizing.types import Rejection
from inferstack.units import HOURS_PER_MONTH, usd

Objective = Literal["cost", "latency", "headroom"]
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


def latency_ms(feasible: Feasible) -> float:
    """What latency is compared by: TTFT p95, or the whole request for models that do not generate."""
    at_peak = feasible.need.at_peak
    encoder = feasible.option.deployment.architecture.kind == "encoder"
    return at_peak.e2e_ms.p95 if encoder else at_peak.ttft_ms.p95


def monthly(cost: CostKey) -> Decimal | None:
    """USD per month of a cost; None: no price."""
    return None if cost[0] else cost[1] * HOURS_PER_MONTH


def within_reach(query: Query, cost: CostKey, cheapest_cost: CostKey) -> bool:
    """Whether latency or headroom may be bought at this cost: the budget, or a multiple of the cheapest."""
    if cost[0] or cheapest_cost[0]:
        return cost <= cheapest_cost
    month = cost[1] * HOURS_PER_MONTH
    if query.budget_usd_per_month is not None:
        return month <= max(query.budget_usd_per_month, cheapest_cost[1] * HOURS_PER_MONTH)
    return cost[1] <= cheapest_cost[1] * OBJECTIVE_SPENDS


def dearer(label: str, cost: CostKey, best: CostKey, *, at_least: bool = False) -> Rejection:
    """The rejection of what costs more than the best; ``at_least``: its cost is a lower bound."""
    month, best_month = monthly(cost), monthly(best)
    if month is None:
        return Rejection(code="no-price", candidate=label, reason="no price for what it would run on")
    words = f"{'at least ' if at_least else ''}{usd(month, cents=False)} a month"
    against = "" if best_month is None else f" against {usd(best_month, cents=False)}"
    return Rejection(code="dearer", candidate=label, reason=words + against)
