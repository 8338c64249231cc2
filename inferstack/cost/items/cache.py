"""ElastiCache for Valkey: node hours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inferstack.cost.item import Item, Line, Pricing, missing
from inferstack.resources import Resource
from inferstack.view import Undecided, View

PRICED: Final = ("cache.t4g.small",)
"""Node types of the catalog's service prices."""


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    try:
        engine, kind = view.required_text("engine"), view.required_text("nodeType")
        nodes = view.number("numCacheClusters")
    except Undecided as undecided:
        yield missing("Cache", undecided.reason)
        return
    if engine != "valkey" or kind not in PRICED:
        yield missing("Cache", f"no price for {engine} on {kind}")
        return
    yield pricing.per_hour(f"elasticache-valkey-{kind}-hour", resource, nodes)


ITEM = Item(
    id="cache",
    title="Cache",
    service="ElastiCache",
    types=("aws:elasticache/replicationGroup:ReplicationGroup",),
    lines=lines,
)
