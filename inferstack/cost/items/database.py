"""RDS for PostgreSQL: instance hours and storage, twice with a standby, and the managed password's secret."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from inferstack.cost.item import Item, Line, Pricing, known, missing
from inferstack.resources import Resource
from inferstack.view import Undecided, View

PRICED: Final = ("db.t4g.small", "db.t4g.medium", "db.t4g.large")
"""Instance classes of the catalog's service prices."""


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    try:
        engine, kind = view.required_text("engine"), view.required_text("instanceClass")
        copies = Decimal(2 if view.flag("multiAz") else 1)
    except Undecided as undecided:
        yield missing("Database", undecided.reason)
        return
    if engine != "postgres" or kind not in PRICED:
        yield missing("Database", f"no price for {engine} on {kind}")
    else:
        label = f"{kind}{', and a standby' if copies == 2 else ''}"
        yield pricing.per_hour(f"rds-postgresql-{kind}-hour", resource, copies, label=label)
    size = known(lambda: view.number("allocatedStorage"))
    yield pricing.service("rds-gp3-gb-month", resource, None if size is None else size * copies)
    if known(lambda: Decimal(bool(view.flag("manageMasterUserPassword")))):
        yield pricing.service("secrets-manager-secret-month", resource, Decimal(1))


ITEM = Item(
    id="database",
    title="Database",
    service="RDS",
    types=("aws:rds/instance:Instance",),
    lines=lines,
)
