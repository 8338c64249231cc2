"""EBS volumes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost.item import Item, Line, Pricing, missing
from inferstack.cost.volumes import gp3_lines
from inferstack.resources import Resource
from inferstack.view import Undecided, View


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    try:
        yield from gp3_lines(view, resource, pricing, Decimal(1), what="Volume")
    except Undecided as undecided:
        yield missing("Volume", undecided.reason)


ITEM = Item(id="ebs-volume", title="EBS volume", service="EBS", types=("aws:ebs/volume:Volume",), lines=lines)
