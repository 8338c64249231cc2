"""Which instance types stand in for which: the same pods, for little more, whatever spot costs today."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.sizing.spare_types import MAX_TYPES, holds_the_same_pods, interchangeable_types

CATALOG = load_catalog()
ZONES = ("usw2-az1", "usw2-az2")


def names(name: str, *zones: str, region: str = "us-west-2") -> list[str]:
    first = CATALOG.instance(name)
    return [other.id for other in interchangeable_types(first, CATALOG, region=region, zones=zones or ZONES)]


@pytest.mark.parametrize(
    ("first", "second", "holds"),
    [
        ("g6.xlarge", "g6.2xlarge", True),
        ("g6.2xlarge", "g6.xlarge", False),  # smaller
        ("g6.xlarge", "g6.12xlarge", False),  # four GPUs
        ("g6.xlarge", "g5.xlarge", False),  # another GPU
        ("g6.xlarge", "g6.xlarge", False),
        ("g6.4xlarge", "gr6.4xlarge", True),
    ],
)
def test_a_pod_fits_what_has_the_same_gpus_and_no_less_of_the_rest(
    first: str, second: str, holds: bool
) -> None:
    assert holds_the_same_pods(CATALOG.instance(first), CATALOG.instance(second)) is holds


def test_what_costs_over_half_more_is_left_out() -> None:
    # 0.8048 on demand; 0.9776 is within half more, 1.3232 (g6.4xlarge) is not
    assert names("g6.xlarge") == ["g6.2xlarge"]
    limit = CATALOG.price("g6.xlarge", "us-west-2").on_demand * Decimal("1.5")  # type: ignore[union-attr,operator]  # priced
    assert CATALOG.price("g6.4xlarge", "us-west-2").on_demand > limit  # type: ignore[union-attr,operator]  # priced


def test_it_must_be_sold_in_every_zone_of_the_pool() -> None:
    instance = CATALOG.instance("g6.xlarge")
    assert names("g6.xlarge", "usw2-az9") == []
    assert interchangeable_types(instance, CATALOG, region="eu-west-3", zones=("euw3-az1",)) == ()


def test_whole_nodes_of_eight_have_no_larger_sister() -> None:
    assert names("p5.48xlarge") == []


@pytest.mark.parametrize("region", ["us-west-2", "eu-central-1"])
def test_the_list_is_short_and_holds_nothing_excluded(region: str) -> None:
    sold = [instance for instance in CATALOG.instances() if region in instance.zones]
    assert len(sold) > 20
    for instance in sold:
        zones = instance.zones[region][:1]
        found = interchangeable_types(instance, CATALOG, region=region, zones=zones)
        assert len(found) < MAX_TYPES
        assert all(other.exclusion is None and zones[0] in other.zones[region] for other in found)
