"""VPC endpoints: interface endpoints cost by zone and volume; gateway endpoints are free."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost.item import Item, Line, Pricing, known, missing
from inferstack.resources import Resource
from inferstack.view import Undecided, View, is_list


def zones(view: View) -> Decimal | None:
    """One network interface a subnet; the subnets' ids may be unknown, their number is not."""
    subnets = view.get("subnetIds")
    return Decimal(len(subnets)) if is_list(subnets) else None  # type: ignore[arg-type]  # is_list said so


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    try:
        kind = view.text("vpcEndpointType") or "Gateway"
    except Undecided as undecided:
        yield missing("Endpoint", undecided.reason)
        return
    if kind != "Interface":
        yield missing("Endpoint", f"no price for type {kind}")
        return
    service = (known_text(view, "serviceName") or "").partition("amazonaws.")[2].partition(".")[2]
    count = known(lambda: zones(view))
    yield pricing.per_hour(
        "vpc-endpoint-hour", resource, count, label=f"Interface endpoint {service}, per zone"
    )
    gb = pricing.assumptions.endpoint_gb_per_zone
    total = None if count is None else count * gb
    yield pricing.service("vpc-endpoint-gb", resource, total, assumption=f"{gb} GB a month and zone")


def costs(view: View, resource: Resource) -> bool:
    """Gateway endpoints are free; one of unknown type may not be."""
    del resource
    try:
        return (view.text("vpcEndpointType") or "Gateway") != "Gateway"
    except Undecided:
        return True


def known_text(view: View, key: str) -> str | None:
    try:
        return view.text(key)
    except Undecided:
        return None


ITEM = Item(
    id="vpc-endpoint",
    title="VPC endpoint",
    service="VPC",
    types=("aws:ec2/vpcEndpoint:VpcEndpoint",),
    lines=lines,
    applies=costs,
)
