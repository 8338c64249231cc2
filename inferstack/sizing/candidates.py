"""From a search's answer to candidates: nodes, money, and which of them are worth showing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from inferstack.sizing.query import Feasible, Query, dearer, latency_ms, monthly
from inferstack.sizing.redundancy import surge_replicas
from inferstack.sizing.slots import Elsewhere, Placed, elsewhere
from inferstack.sizing.types import Candidate, Rejection
from inferstack.units import HOURS_PER_MONTH

_SECONDS_PER_HOUR: Final = 3600
_DAYS_PER_MONTH: Final = HOURS_PER_MONTH / 24
_MILLION: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollouts:
    """How new versions take over, as far as nodes are concerned."""

    strategy: str = "rolling"
    surge: int | None = None
    max_replicas: int | None = None


def candidate(feasible: Feasible, query: Query, rollouts: Rollouts) -> Candidate:
    """The evaluated candidate; money for all nodes, at the peak's fleet around the clock."""
    option, placed, need = feasible.option, feasible.placed, feasible.need
    slot, fleet = placed.slot, placed.fleet
    month = monthly(placed.cost)
    tokens_per_month = Decimal(query.demand.tokens_per_day) * _DAYS_PER_MONTH
    full_per_hour = need.saturated.total_tokens_per_second * fleet.replicas * _SECONDS_PER_HOUR
    hour = None if placed.cost[0] else placed.cost[1]
    return Candidate(
        instance_type=slot.host.instance.id,
        gpu=option.gpu.id,
        gpus_per_instance=slot.host.instance.gpu_count,
        region=slot.offer.region,
        zones=slot.offer.zones,
        purchase=slot.offer.purchase,
        tp=option.cut.tp,
        pp=option.cut.pp,
        dp=option.cut.dp,
        quantization=option.served_as,
        checkpoint=option.weights.checkpoint,
        kv_cache_dtype=option.kv_cache_dtype,
        nodes_per_replica=slot.nodes,
        replicas_per_node=slot.per_unit,
        replicas_serving=need.serving,
        replicas=fleet.replicas,
        surge_replicas=surge_replicas(fleet, rollouts.strategy, rollouts.surge, rollouts.max_replicas),
        nodes=fleet.units * slot.nodes,
        fit=option.fit,
        at_peak=need.at_peak,
        saturated=need.saturated,
        usd_per_hour=hour,
        usd_per_month=month,
        usd_per_million_tokens=_per_million(month, tokens_per_month),
        usd_per_million_tokens_full=_per_million(hour, Decimal(full_per_hour)),
        survives_zone_loss=fleet.survives == "zone",
        survives_node_loss=fleet.survives != "nothing",
    )


def _per_million(amount: Decimal | None, tokens: Decimal) -> Decimal | None:
    """USD per million tokens, to a hundredth of a cent; None without a price or without tokens."""
    if amount is None or tokens <= 0:
        return None
    return (amount / tokens * _MILLION).quantize(Decimal("0.0001"))


def preferred(feasible: Sequence[Feasible], query: Query, within: Iterable[Feasible]) -> Feasible | None:
    """The winner by the query's objective among ``within``, a part of ``feasible``."""
    allowed = list(within)
    if not allowed or not feasible:
        return None
    if query.objective == "latency":
        return min(allowed, key=lambda entry: (latency_ms(entry), entry.rank))
    if query.objective == "headroom":
        return min(allowed, key=lambda entry: (_use(entry), entry.rank))
    return min(allowed, key=lambda entry: entry.rank)


def _use(feasible: Feasible) -> float:
    """Peak load over the capacity of all replicas, spares included; rounded: noise must not decide."""
    share = feasible.need.serving / feasible.placed.fleet.replicas
    return round(feasible.need.at_peak.utilization * share, 3)


def pareto(feasible: Sequence[Feasible], chosen: Feasible) -> tuple[list[Feasible], list[Rejection]]:
    """Others that no candidate beats in cost, latency, peak use and quality at once; then the rejected."""
    kept: list[Feasible] = []
    rejected: list[Rejection] = []
    for entry in feasible:
        if entry is chosen:
            continue
        better = next((other for other in feasible if _dominates(other, entry)), None)
        if better is None:
            kept.append(entry)
        elif entry.cost > chosen.cost:
            rejected.append(dearer(entry.option.label, entry.cost, chosen.cost))
        else:
            reason = f"{better.option.label} is no worse in cost, latency, use and quality"
            rejected.append(Rejection(code="dominated", candidate=entry.option.label, reason=reason))
    return kept, rejected


def rejected_elsewhere(chosen: Feasible, query: Query) -> list[Rejection]:
    """Why the chosen engine does not run on the other instance types, regions and purchase models."""
    found: list[Rejection] = []
    for other in _elsewhere(chosen, query):
        label = f"{other.label} {chosen.option.label}"
        if other.placed is None:
            reason = "sold in too few zones, or needs more replicas than allowed"
            found.append(Rejection(code="zones", candidate=label, reason=reason))
        else:
            found.append(dearer(label, other.placed.cost, chosen.cost))
    return found


def spare_host(chosen: Feasible, query: Query) -> Placed | None:
    """The cheapest other instance type in the same region for the same engine; None: there is none."""
    own = chosen.placed.slot
    places = [
        other.placed
        for other in _elsewhere(chosen, query)
        if other.placed is not None
        and other.slot.host is not own.host
        and other.slot.offer.region == own.offer.region
    ]
    return min(places, key=lambda placed: (placed.cost, placed.slot.host.instance.id), default=None)


def _elsewhere(chosen: Feasible, query: Query) -> tuple[Elsewhere, ...]:
    return elsewhere(query.market, chosen.option.cut, chosen.placed, chosen.need.serving, query.terms)


def _dominates(other: Feasible, entry: Feasible) -> bool:
    """No worse in cost, quality and every number, and better in one of them."""
    if other.cost > entry.cost or other.option.quality_rank > entry.option.quality_rank:
        return False
    theirs, ours = _numbers(other), _numbers(entry)
    if any(a > b for a, b in zip(theirs, ours, strict=True)):
        return False
    same = (other.cost, other.option.quality_rank) == (entry.cost, entry.option.quality_rank)
    return not same or theirs != ours


def _numbers(feasible: Feasible) -> tuple[float, ...]:
    tpot = feasible.need.at_peak.tpot_ms.p95
    return (round(latency_ms(feasible)), round(tpot), _use(feasible))
