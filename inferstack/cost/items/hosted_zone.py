"""Route 53 hosted zones."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost.item import Item, Line, Pricing
from inferstack.resources import Resource
from inferstack.view import View


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    del view
    yield pricing.service("route53-hosted-zone-month", resource, Decimal(1))


ITEM = Item(
    id="hosted-zone", title="Hosted zone", service="Route 53", types=("aws:route53/zone:Zone",), lines=lines
)
