"""The search: best first by a lower bound on cost, so that dear engines are never predicted.

Fit and prediction do not depend on the region: each engine is judged once, then priced wherever it is sold.
An engine enters with the price of one replica as its bound; its saturated capacity (one cheap prediction)
sharpens the bound; only when it is still the cheapest is it predicted at the peak.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from typing import Final

from inferstack.sizing.checkpoints import Weights
from inferstack.sizing.demand import Shortfall, level_uses
from inferstack.sizing.need import Need, TooMany, capacity, least_replicas, need
from inferstack.sizing.options import Option, options
from inferstack.sizing.query import Dearer, Feasible, Found, Query, Scope, within_reach
from inferstack.sizing.slots import CostKey, Placed, cheapest, slots
from inferstack.sizing.types import Prediction, Rejection

ALTERNATIVES_COST: Final = 4
"""Alternatives are looked for up to this multiple of the best: nobody pays more for a faster first token."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """An option and the least it can cost; ``saturated`` None: the bound is that of one replica."""

    option: Option
    bound: CostKey
    saturated: Prediction | None = None

    @property
    def ranked(self) -> _Ranked:
        """For the queue: compared by what stands before the entry, which is unique."""
        return (self.bound, self.option.quality_rank, self.option.label, self)


_Ranked = tuple[CostKey, tuple[int, int], str, _Entry]


def search(query: Query, scope: Scope) -> Found:
    """Judge every engine within ``scope``; feasible ones come sorted by cost."""
    return _Search(query, scope).run()


class _Search:
    def __init__(self, query: Query, scope: Scope) -> None:
        self.query, self.scope = query, scope
        self.found = Found()
        self.best: Feasible | None = None
        self._placed: dict[tuple[Option, int], Placed | None] = {}

    def run(self) -> Found:
        queue = [entry.ranked for entry in self._entries()]
        heapq.heapify(queue)
        waiting: list[_Entry] = []
        while queue:
            entry = heapq.heappop(queue)[-1]
            if not self._worth_it(entry.bound):
                waiting.append(entry)
            elif entry.saturated is None:
                sharper = self._sharpen(entry)
                if sharper is not None:
                    heapq.heappush(queue, sharper.ranked)
            else:
                self._judge(entry.option, entry.saturated)
        self._look_around(waiting)
        self.found.feasible.sort(key=lambda feasible: feasible.rank)
        return self.found

    def _entries(self) -> list[_Entry]:
        """Fitting options with the price of their smallest fleet."""
        entries: list[_Entry] = []
        for form in self.query.subject.weights:
            if form.tier > self.scope.max_tier:
                self.found.rejections.append(_held_back(form))
                continue
            for stock in self.query.market.stocks:
                known = options(self.query.subject, form, stock, self.query.settings)
                self.found.rejections += known.rejections
                entries += filter(None, map(self._entry, known.fitting))
        return entries

    def _entry(self, option: Option) -> _Entry | None:
        if not self.scope.holds(option):
            self.found.rejections.append(self.scope.why_not(option))
            return None
        floor = self._place(option, 1)
        if floor is None:
            self.found.rejections.append(_nowhere(self.query, option))
            return None
        return _Entry(option, floor.cost)

    def _place(self, option: Option, serving: int) -> Placed | None:
        key = (option, serving)
        if key not in self._placed:
            choices = slots(self.query.market, option.gpu.id, option.cut)
            self._placed[key] = cheapest(choices, serving, self.query.terms)
        return self._placed[key]

    def _worth_it(self, cost: CostKey) -> bool:
        """Whether this cost could still win, or is within what the objective may spend."""
        if self.best is None:
            return True
        if self.query.objective == "cost":
            return cost <= self.best.cost
        return within_reach(self.query, cost, self.best.cost)

    def _sharpen(self, entry: _Entry) -> _Entry | None:
        """The entry with the bound that its capacity allows; None when it lost by that."""
        saturated = capacity(entry.option, self.query.demand)
        if isinstance(saturated, Shortfall):
            self._missed(entry.option, saturated)
            return None
        least = least_replicas(self.query.demand, saturated)
        spot = self._place(entry.option, least)
        if spot is None:
            self.found.rejections.append(_too_many(self.query, entry.option, least))
            return None
        return replace(entry, bound=spot.cost, saturated=saturated)

    def _judge(self, option: Option, saturated: Prediction, *, any_cost: bool = False) -> None:
        """Predict an option at the peak and note what became of it."""

        def usable(serving: int) -> bool:
            spot = self._place(option, serving)
            return spot is not None and (any_cost or self._worth_it(spot.cost))

        answer = need(option, self.query.demand, saturated, usable)
        if isinstance(answer, Shortfall):
            self._missed(option, answer)
        elif isinstance(answer, TooMany):
            self._unusable(option, answer.serving)
        else:
            self._feasible(option, answer)

    def _feasible(self, option: Option, answer: Need) -> None:
        fleet = self._place(option, answer.serving)
        assert fleet is not None, "need() only returns counts that are usable"
        feasible = Feasible(option, answer, fleet, level_uses(self.query.demand, answer.at_peak))
        self.found.feasible.append(feasible)
        if self.best is None or feasible.rank < self.best.rank:
            self.best = feasible

    def _missed(self, option: Option, shortfall: Shortfall) -> None:
        missed = Rejection(code="slo-missed", candidate=option.label, reason=shortfall.reason)
        self.found.misses.append((shortfall.factor, missed))
        self.found.rejections.append(missed)

    def _unusable(self, option: Option, serving: int) -> None:
        spot = self._place(option, serving)
        if spot is None:
            self.found.rejections.append(_too_many(self.query, option, serving))
        else:
            self.found.dearer.append(Dearer(option, spot.cost))

    def _look_around(self, waiting: list[_Entry]) -> None:
        """Judge the cheapest waiting option of each GPU and precision, as alternatives."""
        seen = {(entry.option.gpu.id, entry.option.weights.quantization) for entry in self.found.feasible}
        for entry in waiting:
            kind = (entry.option.gpu.id, entry.option.weights.quantization)
            if kind in seen or not self._near(entry.bound):
                self.found.dearer.append(Dearer(entry.option, entry.bound))
                continue
            seen.add(kind)
            sharper = entry if entry.saturated is not None else self._sharpen(entry)
            if sharper is not None and sharper.saturated is not None:
                self._judge(entry.option, sharper.saturated, any_cost=True)

    def _near(self, cost: CostKey) -> bool:
        best = self.best.cost if self.best is not None else cost
        return cost[0] == best[0] and cost[1] <= best[1] * ALTERNATIVES_COST


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


def _too_many(query: Query, option: Option, serving: int) -> Rejection:
    spares = (
        "" if query.terms.survives == "nothing" else f" and spares for the loss of a {query.terms.survives}"
    )
    reason = (
        f"needs {serving} or more serving replicas{spares};"
        f" {query.terms.max_replicas} replicas are allowed in all"
    )
    return Rejection(code="slo-missed", candidate=option.label, reason=reason)
