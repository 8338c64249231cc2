"""The bill as a value: priced resources, what is free, what is not priced, and its groupings.

Every line is rounded to the cent where it arises, so that the sum of what is shown is the total shown,
however the lines are grouped.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final, Literal

from inferstack.cost.item import Assumptions, Line
from inferstack.units import CENT

GroupKey = Literal["component", "workload", "resource", "service"]
GROUP_KEYS: Final[tuple[GroupKey, ...]] = ("component", "workload", "resource", "service")
SHARED: Final = "(shared)"
TOKENS_PER_MILLION: Final = Decimal(1_000_000)


def amount(lines: Iterable[Line]) -> Decimal:
    """Sum of the known amounts."""
    return sum((line.monthly for line in lines if line.monthly is not None), start=Decimal("0.00"))


def allocate(total: Decimal, weights: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """``total`` (whole cents) split in proportion to ``weights``, to the cent, nothing lost.

    The cents that rounding down leaves over go to the largest remainders; all weights 0: equal shares.
    """
    if not weights:
        return {}
    whole = sum(weights.values(), start=Decimal(0))
    base = weights if whole else dict.fromkeys(weights, Decimal(1))
    whole = whole or Decimal(len(weights))
    cents = int(total / CENT)
    exact = {name: cents * weight / whole for name, weight in base.items()}
    floors = {name: int(share // 1) for name, share in exact.items()}
    left = cents - sum(floors.values())
    by_remainder = sorted(exact, key=lambda name: (floors[name] - exact[name], name))
    extra = set(by_remainder[:left])
    return {name: (floor + (name in extra)) * CENT for name, floor in floors.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceCost:
    """One priced resource."""

    urn: str
    type: str
    name: str
    item: str
    title: str
    service: str
    component: str
    """Path of component names below the environment (``network``); empty: the environment itself."""
    workload: str | None
    lines: tuple[Line, ...]

    @property
    def monthly(self) -> Decimal:
        return amount(self.lines)

    @property
    def gaps(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.monthly is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Part of the bill under one name."""

    name: str
    monthly: Decimal
    gaps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadCost:
    """One workload: its own resources, its share of the rest, and what a million tokens come to."""

    name: str
    own: Decimal
    shared: Decimal
    """In proportion to what each workload's own resources cost."""
    gaps: int
    shared_gaps: int
    tokens: Decimal | None
    """Input and output tokens a month at the spec's traffic; None: not stated."""
    budget: Decimal | None

    @property
    def monthly(self) -> Decimal:
        return self.own + self.shared

    def usd_per_million_tokens(self, *, with_shared: bool) -> Decimal | None:
        """None without traffic, or when a price of what is counted is missing."""
        if not self.tokens or self.gaps or (with_shared and self.shared_gaps):
            return None
        return (self.monthly if with_shared else self.own) / (self.tokens / TOKENS_PER_MILLION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpriced:
    """A resource type that no item covers and the list of free types does not name."""

    type: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Bill:
    """The monthly bill of one environment, in USD."""

    environment: str
    region: str
    resources: tuple[ResourceCost, ...]
    workloads: tuple[WorkloadCost, ...]
    free: int
    """Resources of types without a charge."""
    not_priced: tuple[Unpriced, ...]
    budget: Decimal | None
    assumptions: Assumptions
    price_dates: tuple[dt.date, ...]
    """Earliest and latest day a used price was read; empty: no price used."""

    @cached_property
    def total(self) -> Decimal:
        """Sum of the known amounts; with ``gaps`` the true total is higher."""
        return sum((resource.monthly for resource in self.resources), start=Decimal("0.00"))

    @cached_property
    def gaps(self) -> tuple[tuple[ResourceCost, Line], ...]:
        """What costs money and has no price."""
        return tuple((resource, line) for resource in self.resources for line in resource.gaps)

    @property
    def complete(self) -> bool:
        return not self.gaps and not self.not_priced

    def usage_based(self) -> Decimal:
        """The part that rests on assumptions about use."""
        return amount(line for resource in self.resources for line in resource.lines if line.usage_based)

    def grouped(self, key: GroupKey) -> tuple[Group, ...]:
        """The whole bill under the names of ``key``, dearest first; sums to ``total``."""
        sums: dict[str, Decimal] = {}
        gaps: dict[str, int] = {}
        for resource in self.resources:
            name = _group_name(resource, key)
            sums[name] = sums.get(name, Decimal("0.00")) + resource.monthly
            gaps[name] = gaps.get(name, 0) + len(resource.gaps)
        groups = (Group(name=name, monthly=sums[name], gaps=gaps[name]) for name in sums)
        return tuple(sorted(groups, key=lambda group: (-group.monthly, group.name)))


def _group_name(resource: ResourceCost, key: GroupKey) -> str:
    if key == "component":
        return resource.component or "(environment)"
    if key == "workload":
        return resource.workload or SHARED
    return resource.service if key == "service" else resource.urn
