"""Sampled requests that AWS X-Ray records."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost.item import Item, Line, Pricing, known, missing
from inferstack.cost.traffic import total
from inferstack.resources import UNKNOWN, Resource
from inferstack.view import View

MILLION = Decimal(1_000_000)
XRAY = "://xray."


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    if XRAY not in str(resource.inputs.get("tracesTo")):
        yield missing("Sampled requests", "kept by a trace store whose price is not known here")
        return
    share, volume = known(lambda: view.number("sampling")), total(pricing.workloads)
    traces = None if share is None or volume is None else volume.requests * share / MILLION
    assumption = "the spec's traffic at the sampled share; AWS gives the first 100,000 a month"
    yield pricing.service("xray-traces-1m", resource, traces, assumption=assumption)


def is_traced(view: View, resource: Resource) -> bool:
    del view
    return resource.inputs.get("tracesTo", None) is UNKNOWN or bool(resource.inputs.get("tracesTo"))


ITEM = Item(
    id="traces",
    title="Request samples",
    service="X-Ray",
    types=("inferstack:index:Monitoring",),
    lines=lines,
    applies=is_traced,
)
