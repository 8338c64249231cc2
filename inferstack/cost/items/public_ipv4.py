"""Public IPv4 addresses that the stack reserves."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost.item import Item, Line, Pricing
from inferstack.resources import Resource
from inferstack.view import View


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    del view
    yield pricing.per_hour("public-ipv4-hour", resource, Decimal(1))


ITEM = Item(
    id="public-ipv4", title="Public IPv4 address", service="VPC", types=("aws:ec2/eip:Eip",), lines=lines
)
