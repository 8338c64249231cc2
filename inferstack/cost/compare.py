"""Two bills against each other: what changes, under which name, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from inferstack.cost.bill import Bill, GroupKey

NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One group before and after; None: it was not there, or is not there any more."""

    name: str
    before: Decimal | None
    after: Decimal | None

    @property
    def difference(self) -> Decimal:
        return (self.after or NOTHING) - (self.before or NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    before: Decimal
    after: Decimal
    changes: tuple[Change, ...]
    """Only groups that differ, the largest difference first."""
    complete: bool
    """False: at least one of the bills has gaps, so the difference is of the known amounts."""

    @property
    def difference(self) -> Decimal:
        return self.after - self.before

    @property
    def percent(self) -> Decimal | None:
        """Growth in percent to one place; None when there was nothing before."""
        if not self.before:
            return None
        return (self.difference / self.before * 100).quantize(Decimal("0.1"))


def compare(before: Bill, after: Bill, key: GroupKey = "component") -> Comparison:
    """What the change from one bill to the other comes to."""
    old = {group.name: group.monthly for group in before.grouped(key)}
    new = {group.name: group.monthly for group in after.grouped(key)}
    changes = (Change(name=name, before=old.get(name), after=new.get(name)) for name in sorted(old | new))
    different = (change for change in changes if change.before != change.after)
    return Comparison(
        before=before.total,
        after=after.total,
        changes=tuple(sorted(different, key=lambda change: (-abs(change.difference), change.name))),
        complete=before.complete and after.complete,
    )
