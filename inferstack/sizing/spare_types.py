"""Instance types that can stand in for one another: spot takes what there is, and asks for several."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferstack.catalog.load import Catalog
    from inferstack.catalog.types import InstanceType

MAX_TYPES: Final = 6
"""EC2 allows 40 in a group; past a handful the pools are small and the prices far apart."""
MAX_PRICE_FACTOR: Final = Decimal("1.5")
"""Of the planned type's on-demand price: more would leave the bill behind, and spot follows it loosely.

Not of the spot price itself: that moves, and a node group whose list of types changes is replaced.
"""


def holds_the_same_pods(first: InstanceType, second: InstanceType) -> bool:
    """Whether a pod sized for the first type runs on the second as well, from the same image and disks."""
    same = ("gpu", "gpu_count", "gpu_fraction", "ami_al2023", "ami_bottlerocket", "cpu_arch")
    return (
        first.id != second.id
        and all(getattr(first, name) == getattr(second, name) for name in same)
        and second.exclusion is None
        and second.vcpus >= first.vcpus
        and second.memory_gib >= first.memory_gib
        and bool(second.nvme_gb) == bool(first.nvme_gb)
    )


def interchangeable_types(
    first: InstanceType, catalog: Catalog, *, region: str, zones: Sequence[str]
) -> tuple[InstanceType, ...]:
    """Others that hold the same pods, sold as spot in every one of ``zones``, for little more than the first.

    Cheapest first; empty where the first has no price to compare with.
    """
    limit = _on_demand(first, catalog, region)
    if limit is None:
        return ()
    found = [
        (price, other.id, other)
        for other in catalog.instances()
        if holds_the_same_pods(first, other) and set(zones) <= set(other.zones.get(region, ()))
        if "spot" in other.usage_classes
        if (price := _on_demand(other, catalog, region)) is not None and price <= limit * MAX_PRICE_FACTOR
    ]
    return tuple(other for _, _, other in sorted(found, key=lambda entry: entry[:2])[: MAX_TYPES - 1])


def _on_demand(instance: InstanceType, catalog: Catalog, region: str) -> Decimal | None:
    price = catalog.price(instance.id, region)
    return price.on_demand if price is not None else None
