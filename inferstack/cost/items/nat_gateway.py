"""NAT gateways: hours, and the data that passes them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost.item import Item, Line, Pricing, missing
from inferstack.resources import Resource
from inferstack.view import Undecided, View, is_list

REGIONAL = "regional"


def zones(view: View) -> Decimal | None:
    """Zones in which a gateway is charged by the hour; None where a regional one finds them by itself."""
    if view.text("availabilityMode") != REGIONAL:
        return Decimal(1)
    placed = view.get("availabilityZoneAddresses")
    return Decimal(len(placed)) if is_list(placed) else None  # type: ignore[arg-type]  # is_list said so


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    try:
        count = zones(view)
    except Undecided as undecided:
        yield missing("NAT gateway", undecided.reason)
        return
    label = None if count == 1 else "NAT gateway, regional, per zone"
    yield pricing.per_hour("nat-gateway-hour", resource, count, label=label)
    gb = pricing.assumptions.nat_gb_per_gateway
    total = None if count is None else gb * count
    yield pricing.service(
        "nat-gateway-gb", resource, total, assumption=f"{gb} GB a month (weights go through the S3 endpoint)"
    )


ITEM = Item(
    id="nat-gateway",
    title="NAT gateway",
    service="VPC",
    types=("aws:ec2/natGateway:NatGateway",),
    lines=lines,
)
