"""FSx for Lustre: provisioned storage, at the price of its throughput class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from inferstack.cost.item import Item, Line, Pricing, missing
from inferstack.resources import Resource
from inferstack.view import View

PRICED: Final[Mapping[tuple[str | None, str, int | None], str]] = {
    ("PERSISTENT_2", "SSD", 1000): "fsx-lustre-ssd-1000-gb-month"
}
"""By deployment, storage and MB/s per TiB."""


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    stated = view.number("perUnitStorageThroughput")
    throughput = None if stated is None else int(stated)
    deployment, storage = view.text("deploymentType"), view.text("storageType") or "SSD"
    price = PRICED.get((deployment, storage, throughput))
    if price is None:
        yield missing("Storage", f"no price for {deployment} {storage} at {throughput} MB/s per TiB")
        return
    capacity = view.number("storageCapacity")
    if capacity is None:
        yield missing("Storage", "its capacity is not stated")
        return
    yield pricing.service(price, resource, capacity, label=f"Lustre storage, {capacity} GiB")


ITEM = Item(
    id="file-system",
    title="FSx for Lustre",
    service="FSx",
    types=("aws:fsx/lustreFileSystem:LustreFileSystem",),
    lines=lines,
)
