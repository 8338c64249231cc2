"""Where an engine can stand: nodes by price, and the cheapest fleet for a number of replicas."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from inferstack.sizing.market import MOST_ZONES, Host, Market, Offer
from inferstack.sizing.parallelism import Cut
from inferstack.sizing.redundancy import Fleet, Survives, smallest_fleet
from inferstack.sizing.rules import PLACEMENT_RULES, PlacementCase, judge

CostKey = tuple[bool, Decimal]
"""Unpriced last; then USD per hour (unpriced: GPUs, so that fewer win)."""


_ONE_ZONE: Final = frozenset({"capacity-block", "capacity-reservation"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slot:
    """A node (or the nodes of one replica) that carries ``per_unit`` replicas."""

    host: Host
    offer: Offer
    per_unit: int
    nodes: int
    """Nodes of one unit: 1, or as many as a replica spans."""

    @property
    def zones(self) -> int:
        """Zones its nodes spread over; a reservation or a capacity block holds in one."""
        return 1 if self.offer.purchase in _ONE_ZONE else min(len(self.offer.zones), MOST_ZONES)

    def cost(self, units: int) -> CostKey:
        nodes = units * self.nodes
        if self.offer.usd_per_hour is None:
            return (True, Decimal(nodes * self.host.instance.gpu_count))
        return (False, self.offer.usd_per_hour * nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What every fleet must satisfy."""

    survives: Survives = "nothing"
    min_replicas: int = 1
    max_replicas: int | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A fleet on a slot."""

    slot: Slot
    fleet: Fleet
    cost: CostKey


@functools.lru_cache(maxsize=4096)
def slots(market: Market, gpu_id: str, cut: Cut) -> tuple[Slot, ...]:
    """Slots of a cut that no other slot with as many replicas a unit and as many zones beats on price."""
    kept: dict[tuple[int, int], Slot] = {}
    for host in market.hosts:
        per_unit = _per_unit(host, cut) if host.gpu.id == gpu_id else 0
        if not per_unit or _refused(host, cut, per_unit):
            continue
        for offer in host.offers:
            slot = Slot(host=host, offer=offer, per_unit=per_unit, nodes=cut.nodes)
            known = kept.get((per_unit, slot.zones))
            if known is None or offer.rank[:2] < known.offer.rank[:2]:
                kept[per_unit, slot.zones] = slot
    return tuple(slot for key, slot in sorted(kept.items()) if not _beaten(slot, kept))


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The same engine with as many serving replicas on another instance type or in another market."""

    slot: Slot
    placed: Placed | None
    """None: it cannot keep the terms there (one zone only)."""

    @property
    def label(self) -> str:
        return f"{self.slot.host.instance.id} {self.slot.offer.region} {self.slot.offer.purchase}"


def elsewhere(market: Market, cut: Cut, chosen: Placed, serving: int, terms: Terms) -> tuple[Elsewhere, ...]:
    """Every other offer of the chosen instance type, and the best offer of each other one with its GPU."""
    own = chosen.slot
    found: list[Elsewhere] = []
    for host in market.hosts:
        per_unit = _per_unit(host, cut) if host.gpu.id == own.host.gpu.id else 0
        if not per_unit or _refused(host, cut, per_unit):
            continue
        offers = host.offers if host is own.host else host.offers[:1]
        for offer in offers:
            if host is own.host and offer is own.offer:
                continue
            slot = Slot(host=host, offer=offer, per_unit=per_unit, nodes=cut.nodes)
            found.append(Elsewhere(slot, cheapest((slot,), serving, terms)))
    return tuple(found)


def _per_unit(host: Host, cut: Cut) -> int:
    if cut.nodes > 1:
        return 1 if host.instance.gpu_count == cut.gpus_per_node else 0
    return host.instance.gpu_count // cut.gpus


def _refused(host: Host, cut: Cut, per_unit: int) -> bool:
    case = PlacementCase(
        instance=host.instance,
        gpus_used=cut.gpus,
        nodes=cut.nodes,
        weights_gib=0.0,
        replicas_per_node=per_unit,
    )
    return judge(PLACEMENT_RULES, case).refused_by is not None


def _beaten(slot: Slot, others: dict[tuple[int, int], Slot]) -> bool:
    """Another slot has the same replicas a unit, more zones, and costs no more."""
    return any(
        per_unit == slot.per_unit and zones > slot.zones and other.offer.rank[:2] <= slot.offer.rank[:2]
        for (per_unit, zones), other in others.items()
    )


def cheapest(choices: tuple[Slot, ...], serving: int, terms: Terms) -> Placed | None:
    """The cheapest fleet of ``serving`` replicas within the terms; None: no slot can keep them."""
    best: Placed | None = None
    for slot in choices:
        fleet = smallest_fleet(serving, slot.per_unit, slot.zones, terms.survives, terms.min_replicas)
        if fleet is None or (terms.max_replicas is not None and fleet.replicas > terms.max_replicas):
            continue
        cost = slot.cost(fleet.units)
        if best is None or (cost, slot.host.instance.id) < (best.cost, best.slot.host.instance.id):
            best = Placed(slot, fleet, cost)
    return best
