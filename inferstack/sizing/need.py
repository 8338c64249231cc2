"""How many replicas the peak needs: the smallest count whose prediction meets the service levels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from inferstack.errors import InputError
from inferstack.sizing.demand import UTILIZATION_CEILING, Demand, Shortfall, shortfall
from inferstack.sizing.options import Option
from inferstack.sizing.performance import predict
from inferstack.sizing.types import Prediction

_IDLE: Final = 0.01
"""Share of capacity at which an engine answers as fast as it ever will."""


@dataclass(frozen=True, slots=True)
class Need:
    """``serving`` replicas meet everything at peak."""

    serving: int
    at_peak: Prediction
    saturated: Prediction


@dataclass(frozen=True, slots=True)
class TooMany:
    """At least ``serving`` replicas would be needed, more than the caller can use."""

    serving: int


def capacity(option: Option, demand: Demand) -> Prediction | Shortfall:
    """One replica of ``option`` as fast as it goes with such requests."""
    try:
        saturated = predict(option.deployment, demand.saturating_load(), 1)
    except InputError as error:
        return Shortfall(math.inf, str(error))
    return saturated if saturated.requests_per_second > 0 else Shortfall(math.inf, "serves no request at all")


def least_replicas(demand: Demand, saturated: Prediction) -> int:
    """Fewest replicas that keep the peak below the utilization ceiling."""
    share = demand.peak_requests_per_second / (saturated.requests_per_second * UTILIZATION_CEILING)
    return max(1, math.ceil(share - 1e-9))


def need(
    option: Option, demand: Demand, saturated: Prediction, usable: Callable[[int], bool]
) -> Need | Shortfall | TooMany:
    """Replicas of ``option`` for ``demand``; stops as soon as ``usable`` refuses a count.

    ``saturated`` is its capacity. Returns the shortfall when even an idle engine misses a level. Latency
    falls and room grows with every replica, so the count is found by bisection.
    """
    least = least_replicas(demand, saturated)
    if not usable(least):
        return TooMany(least)
    search = _Search(option, demand, saturated)
    if search.meets(least):
        return search.answer(least)
    idle = math.ceil(demand.peak_requests_per_second / (saturated.requests_per_second * _IDLE))
    most = max(least + 1, idle)
    missed = search.missed(most)
    if missed is not None:
        return missed
    return _bisect(search, least, most, usable)


def _bisect(search: _Search, missing: int, meeting: int, usable: Callable[[int], bool]) -> Need | TooMany:
    """The boundary between a count that misses and one that meets; doubles first, since it is mostly near."""
    step = 1
    while missing + step < meeting:
        if not usable(missing + 1):
            return TooMany(missing + 1)
        if search.meets(missing + step):
            meeting = missing + step
            break
        missing += step
        step *= 2
    while meeting - missing > 1:
        middle = (missing + meeting) // 2
        if search.meets(middle):
            meeting = middle
        else:
            missing = middle
    return search.answer(meeting) if usable(meeting) else TooMany(meeting)


class _Search:
    """Predictions of one option by replica count, each made once."""

    def __init__(self, option: Option, demand: Demand, saturated: Prediction) -> None:
        self._option, self._demand, self._saturated = option, demand, saturated
        self._known: dict[int, Prediction] = {}

    def prediction(self, replicas: int) -> Prediction:
        if replicas not in self._known:
            self._known[replicas] = predict(self._option.deployment, self._demand.load(), replicas)
        return self._known[replicas]

    def missed(self, replicas: int) -> Shortfall | None:
        return shortfall(self._demand, self.prediction(replicas), self._option.fit, replicas)

    def meets(self, replicas: int) -> bool:
        return self.missed(replicas) is None

    def answer(self, replicas: int) -> Need:
        return Need(replicas, self.prediction(replicas), self._saturated)
