"""Data between zones (gateway to pods) and, from a public gateway, to the internet."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost import traffic
from inferstack.cost.item import Item, Line, Pricing, missing
from inferstack.resources import Resource
from inferstack.view import Undecided, View

DIRECTIONS = Decimal(2)
"""Traffic between zones is billed on leaving one and on entering the other."""


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    assumptions = pricing.assumptions
    volume = traffic.total(pricing.workloads)
    if volume is None:
        yield missing("Data transfer", "a workload's traffic is not stated")
        return
    moved = volume.ingress_gb(assumptions) + volume.egress_gb(assumptions)
    try:
        environment = pricing.component(resource, "InferenceEnvironment")
        zones = Decimal(len(environment.texts("zones"))) if environment else Decimal(1)
        public = view.text("scheme") == "internet-facing"
    except Undecided as undecided:
        yield missing("Data transfer", undecided.reason)
        return
    sizes = f"{assumptions.bytes_per_input_token} B in and {assumptions.bytes_per_output_token} B out a token"
    if zones > 1:
        crossing = moved * (zones - 1) / zones * DIRECTIONS
        yield pricing.service(
            "data-cross-az-gb",
            resource,
            crossing,
            assumption=f"{zones - 1} of {zones} requests reach a pod in another zone; {sizes}",
        )
    if public:
        yield pricing.service(
            "data-egress-internet-gb", resource, volume.egress_gb(assumptions), assumption=f"answers; {sizes}"
        )


ITEM = Item(
    id="data-transfer",
    title="Data transfer",
    service="EC2",
    types=("inferstack:index:Gateway",),
    lines=lines,
)
