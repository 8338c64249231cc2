"""What is measured of a new version and the old one: the questions, put into order and asked.

Since when a step is live the gateways say themselves. Each exports the weights of the configuration it runs
with, and the step began when the last of them had today's. No date of a file or a deployment says that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from inferstack.rollout.judge import ALL, CLOSE, judged
from inferstack.rollout.queries import ITL, LATE, TTFT, Asked, percent_sent
from inferstack.rollout.types import Judged, Limit, Live, Measured, Pair, Sample

LONGEST_S: Final = 86_400
"""A step that is older is judged by its last day."""
FINEST_S: Final = 15
SHORTEST_S: Final = 60
"""Two scrapes; less is no window."""
HISTOGRAMS: Final = {"ttft": TTFT, "itl": ITL}


class Source(Protocol):
    """A Prometheus-compatible API, at one moment."""

    def number(self, query: str) -> float | None:
        """The one value of a query without labels; None: no result, or not a number."""

    def points(self, query: str, *, seconds: int, every_s: int) -> Sequence[tuple[float, float]]:
        """Age in seconds and value over the last ``seconds``, oldest first."""


def limits(pair: Pair) -> tuple[Limit, ...]:
    """The limits a version has."""
    found = [Limit(name="errors", share=pair.limits.error_rate)]
    bounds = (("ttft", pair.limits.ttft_p95_ms), ("itl", pair.limits.itl_p95_ms))
    found += [Limit(name=name, share=LATE, bound_ms=bound) for name, bound in bounds if bound is not None]
    return tuple(found)


def measure(pair: Pair, source: Source) -> Measured:
    live = since(pair, source)
    asked = Asked(workload=pair.workload, window_s=SHORTEST_S)
    up, of = source.number(asked.up()), source.number(asked.targets())
    servers = (round(up), round(of)) if up is not None and of else None
    if live is None or live.percent == 0 or live.seconds < SHORTEST_S:
        return Measured(live=live, servers=servers)
    whole_s = min(LONGEST_S, round(live.seconds))
    recent_s = min(pair.limits.step_s, whole_s)
    recent = tuple(_judged(pair, source, recent_s))
    whole = recent if whole_s == recent_s else tuple(_judged(pair, source, whole_s))
    return Measured(live=live, servers=servers, recent=recent, whole=whole)


def since(pair: Pair, source: Source) -> Live | None:
    """What all gateways send now, and for how long it has been that without a gap; None: they do not say."""
    # the second question looks further back, coarsely, and only where the first found no beginning
    live: Live | None = None
    for seconds in (4 * pair.limits.step_s, LONGEST_S):
        live = _since(pair, source, max(seconds, 20 * FINEST_S))
        if live is None or live.seconds < seconds:
            return live
    return live


def _since(pair: Pair, source: Source, seconds: int) -> Live | None:
    every = max(FINEST_S, seconds // 1000)
    sides = [
        dict(source.points(percent_sent(pair.workload, pair.replaces, which), seconds=seconds, every_s=every))
        for which in ("min", "max")
    ]
    low, high = sides
    if 0.0 not in low or 0.0 not in high:
        return None
    # one pod behind the others: what the file says is not live yet
    now = low[0.0] if abs(low[0.0] - pair.traffic) > abs(high[0.0] - pair.traffic) else high[0.0]
    age = 0.0
    while all(abs(side.get(age + every, -1.0) - now) <= CLOSE for side in (low, high)):
        age += every
    settled = abs(low[0.0] - high[0.0]) <= CLOSE
    return Live(percent=round(now, 2), seconds=age if settled else 0.0)


@dataclass(frozen=True, slots=True)
class _Version:
    """One of the two, over one window."""

    source: Source
    asked: Asked

    def sample(self, limit: Limit) -> Sample | None:
        return self._errors() if limit.bound_ms is None else self._late(limit.name, limit.bound_ms)

    def _errors(self) -> Sample | None:
        sent, failed = self.source.number(self.asked.sent()), self.source.number(self.asked.failed())
        if sent is None or failed is None:
            return None
        requests = round(sent)
        return Sample(broken=min(requests, round(failed)), requests=requests)

    def _late(self, name: str, bound_ms: float) -> Sample | None:
        histogram = HISTOGRAMS[name]
        of, within = (
            self.source.number(query)
            for query in (self.asked.measured(histogram), self.asked.within(histogram, bound_ms))
        )
        requests = self.source.number(self.asked.measured(TTFT))
        if of is None or within is None or requests is None:
            return None
        late = max(0.0, 1 - within / of) if of > 0 else 0.0
        count = min(round(requests), round(of))
        p95 = self.source.number(self.asked.p95_s(histogram))
        return Sample(broken=round(late * count), requests=count, p95_ms=None if p95 is None else 1000 * p95)


def _judged(pair: Pair, source: Source, window_s: int) -> Iterator[Judged]:
    new, old = (
        _Version(source, Asked(workload=name, window_s=window_s)) for name in (pair.workload, pair.replaces)
    )
    alone = pair.traffic == ALL
    for limit in limits(pair):
        before = None if alone else old.sample(limit)
        # a bound that the old version's histogram does not have cannot be compared with; failures always can
        both = not alone and limit.bound_ms is None
        yield judged(limit, window_s, new.sample(limit), before, both=both)
