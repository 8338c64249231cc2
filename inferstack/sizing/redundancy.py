"""How many nodes keep the service up: N+1, loss of a zone, rollouts. Integers only."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final, Literal

Survives = Literal["nothing", "node", "zone"]

NODE_FROM: Final = 0.99
"""Availability from which one node may fail at peak. Judgement: a new GPU node takes 5 to 15 minutes."""
ZONE_FROM: Final = 0.999
"""Availability from which a zone may fail at peak. Judgement: 43 minutes a month leave no room for it."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Replicas and the units (a node, or the nodes of one multi-node replica) that carry them."""

    replicas: int
    units: int
    survives: Survives
    """What may fail at peak with the service levels kept."""


def required_survival(availability: float | None) -> Survives:
    """What must be able to fail, for this availability; None asks for nothing."""
    if availability is None or availability < NODE_FROM:
        return "nothing"
    return "node" if availability < ZONE_FROM else "zone"


@functools.lru_cache(maxsize=65536)
def smallest_fleet(
    serving: int, per_unit: int, zones: int, must_survive: Survives, min_replicas: int
) -> Fleet | None:
    """Fewest units, then fewest replicas, such that ``serving`` replicas remain after the loss.

    ``per_unit`` replicas fit on a unit; replicas spread evenly over units, units evenly over ``zones``.
    None: impossible (a zone must be lost and there is only one).
    """
    if must_survive == "zone" and zones < 2:
        return None
    least = max(serving, min_replicas, 1)
    units = -(-least // per_unit)
    while True:
        for replicas in range(least, units * per_unit + 1):
            if replicas - _lost(replicas, units, zones, must_survive) >= serving:
                return Fleet(replicas, units, _survived(replicas, units, zones, serving))
        units += 1


def _lost(replicas: int, units: int, zones: int, loss: Survives) -> int:
    if loss == "nothing":
        return 0
    on_a_unit = -(-replicas // units)
    if loss == "node":
        return on_a_unit
    return min(replicas, on_a_unit * -(-units // zones))


def _survived(replicas: int, units: int, zones: int, serving: int) -> Survives:
    if zones >= 2 and replicas - _lost(replicas, units, zones, "zone") >= serving:
        return "zone"
    return "node" if replicas - _lost(replicas, units, zones, "node") >= serving else "nothing"


def surge_replicas(fleet: Fleet, strategy: str, asked: int | None, max_replicas: int | None) -> int:
    """Extra replicas while a rollout runs.

    What the spec says; blue-green doubles; a canary is one more; a rolling update takes one away first where
    a node may be missing anyway (maxSurge 0, maxUnavailable 1), and otherwise needs one more.
    """
    if asked is not None:
        return asked
    if strategy == "blue-green":
        return fleet.replicas
    if strategy == "canary":
        return 1
    if fleet.survives != "nothing":
        return 0
    return 0 if max_replicas is not None and max_replicas <= fleet.replicas else 1
