"""EBS volumes: size, and the IOPS and throughput above what gp3 includes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from inferstack.cost.item import Line, Pricing, missing
from inferstack.resources import Resource
from inferstack.view import View

INCLUDED_IOPS: Final = Decimal(3000)
INCLUDED_MIBPS: Final = Decimal(125)
"""What every gp3 volume has for the price of its size: EBS user guide, general-purpose volumes."""


def gp3_lines(
    ebs: View, resource: Resource, pricing: Pricing, count: Decimal | None, *, what: str
) -> Iterator[Line]:
    """Lines of ``count`` volumes as launch templates and EBS volumes describe them."""
    kind = ebs.text("volumeType") or ebs.text("type") or "gp3"
    if kind != "gp3":
        yield missing(what, f"no price for volume type {kind}")
        return
    size = ebs.number("volumeSize") if ebs.has("volumeSize") else ebs.number("size")
    if size is None:
        yield missing(what, "its size is not stated")
        return
    yield pricing.service("ebs-gp3-gb-month", resource, _times(count, size), label=f"{what}, gp3 {size} GiB")
    iops = (ebs.number("iops") or INCLUDED_IOPS) - INCLUDED_IOPS
    if iops > 0:
        yield pricing.service(
            "ebs-gp3-iops-month", resource, _times(count, iops), label=f"{what}, extra IOPS"
        )
    extra = (ebs.number("throughput") or INCLUDED_MIBPS) - INCLUDED_MIBPS
    if extra > 0:
        label = f"{what}, extra throughput"
        yield pricing.service("ebs-gp3-mbps-month", resource, _times(count, extra), label=label)


def _times(count: Decimal | None, amount: Decimal) -> Decimal | None:
    return None if count is None else count * amount
