"""When another replica is needed: what one replica takes with its service levels kept.

A replica that is asked for now serves only after its cold start, so the marks lie below what a replica can
bear. At the planned peak they ask for the planned fleet, spares included: a scaler that removed the spares
would break the promise that a node or a zone may fail.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from inferstack.sizing.demand import UTILIZATION_CEILING, shortfall
from inferstack.sizing.performance import predict
from inferstack.sizing.types import ScaleTargets

if TYPE_CHECKING:
    from inferstack.sizing.demand import Demand
    from inferstack.sizing.query import Feasible
    from inferstack.sizing.types import Prediction

EARLY: Final = 0.8
"""Share of what a replica bears at which the next is asked for. Judgement: a fifth for the cold start."""
_WAIT_SHARE: Final = 0.5
"""Share of the time to first token that a request may spend in the queue before it is too long."""
_NO_LEVEL_S: Final = 5.0
"""Wait that nobody minds where no level says otherwise. Judgement."""
_QUEUE_FACTOR: Final = 10
_LEAST_QUEUE: Final = 32
"""A burst that a small replica absorbs in any case."""
_STEPS: Final = 6
"""Bisection to within two percent of the capacity."""


def scale_targets(chosen: Feasible, demand: Demand, *, min_replicas: int) -> ScaleTargets:
    """Marks per replica above which the autoscaler adds one."""
    need, fleet = chosen.need, chosen.placed.fleet
    bears = EARLY * _most(chosen, demand).concurrency
    if min_replicas < fleet.replicas:
        bears = min(bears, need.at_peak.concurrency * need.serving / fleet.replicas)
    return ScaleTargets(
        concurrency=max(1, math.floor(bears)),
        waiting=max(1, math.floor(need.saturated.requests_per_second * _patience_s(demand))),
        requests_per_second=demand.peak_requests_per_second / fleet.replicas,
    )


def most_waiting(scale: ScaleTargets) -> int:
    """Requests a replica keeps waiting before it refuses more: a refusal now beats an answer far too late.

    Ten times the queue at which another replica is asked for, five times the time to first token.
    """
    return max(_LEAST_QUEUE, _QUEUE_FACTOR * scale.waiting)


def _most(chosen: Feasible, demand: Demand) -> Prediction:
    """The highest rate at which one replica keeps every level, to within a few percent."""
    deployment, fit = chosen.option.deployment, chosen.option.fit
    best = chosen.need.at_peak
    low = demand.peak_requests_per_second / chosen.need.serving
    high = max(low, chosen.need.saturated.requests_per_second * UTILIZATION_CEILING)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        load = replace(demand.load(), request_rate=middle)
        seen = predict(deployment, load, 1)
        if shortfall(replace(demand, concurrency=None), seen, fit, 1) is None:
            low, best = middle, seen
        else:
            high = middle
    return best


def _patience_s(demand: Demand) -> float:
    """How long a request may wait and still be answered in time."""
    levels = [level for level in (demand.targets.ttft_ms, demand.targets.e2e_ms) if level is not None]
    return min(levels) / 1000 * _WAIT_SHARE if levels else _NO_LEVEL_S
