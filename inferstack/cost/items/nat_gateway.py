"""NAT gateways: hours, and the data that passes them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost.item import Item, Line, Pricing
from inferstack.resources import Resource
from inferstack.view import View


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    del view
    yield pricing.per_hour("nat-gateway-hour", resource, Decimal(1))
    gb = pricing.assumptions.nat_gb_per_gateway
    yield pricing.service(
        "nat-gateway-gb", resource, gb, assumption=f"{gb} GB a month (weights go through the S3 endpoint)"
    )


ITEM = Item(
    id="nat-gateway",
    title="NAT gateway",
    service="VPC",
    types=("aws:ec2/natGateway:NatGateway",),
    lines=lines,
)
