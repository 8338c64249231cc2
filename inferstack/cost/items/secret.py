"""Secrets Manager secrets."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost.item import Item, Line, Pricing
from inferstack.resources import Resource
from inferstack.view import View


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    del view
    yield pricing.service("secrets-manager-secret-month", resource, Decimal(1))


ITEM = Item(
    id="secret",
    title="Secret",
    service="Secrets Manager",
    types=("aws:secretsmanager/secret:Secret",),
    lines=lines,
)
