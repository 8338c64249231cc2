"""Prices: exact, positive, dated, present where they must be, and absent rather than zero elsewhere."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.catalog.types import InstancePrice, ServicePrice
from inferstack.errors import InputError

CATALOG = load_catalog()
REGIONS = [region.id for region in CATALOG.regions()]
PRICES: dict[tuple[str, str], InstancePrice] = {
    (instance, region): price
    for instance in CATALOG.priced_instances()
    for region in REGIONS
    if (price := CATALOG.price(instance, region)) is not None
}

US_EAST_1_ON_DEMAND = {
    "g4dn.xlarge": "0.526",
    "g5.xlarge": "1.006",
    "g5.12xlarge": "5.672",
    "g6.xlarge": "0.8048",
    "g6e.xlarge": "1.861",
    "g6e.12xlarge": "10.49264",
    "g6e.48xlarge": "30.13118",
    "g7e.2xlarge": "3.36312",
    "p4d.24xlarge": "21.957642",
    "p4de.24xlarge": "27.44705",
    "p5.4xlarge": "6.88",
    "p5.48xlarge": "55.04",
    "p5en.48xlarge": "63.296",
    "p6-b200.48xlarge": "113.9328",
    "p6-b300.48xlarge": "142.416",
    "m7i.2xlarge": "0.4032",
    "m6i.2xlarge": "0.384",
}
"""Karpenter's generated price list of 2026-07-20."""

OFFERED_BUT_NOT_PRICED = {
    "g7",
    "gr6f",
    "p6e-gb200",  # in no price source outside us-east-1
}


def test_the_tables_have_their_size() -> None:
    assert len({region for (_, region) in PRICES if "gov" not in region}) == 24
    assert len(PRICES) > 780
    assert len(CATALOG.priced_instances()) >= 60


@pytest.mark.parametrize(("instance", "usd"), US_EAST_1_ON_DEMAND.items())
def test_us_east_1_on_demand_equals_the_public_list(instance: str, usd: str) -> None:
    price = CATALOG.price(instance, "us-east-1")
    assert price is not None
    assert price.on_demand == Decimal(usd)


def test_every_amount_is_a_positive_decimal() -> None:
    for price in PRICES.values():
        amounts = [price.on_demand, price.spot_min, price.spot_median, *price.local_zones.values()]
        for amount in amounts:
            assert amount is None or (isinstance(amount, Decimal) and amount > 0)


def test_every_price_has_a_source_a_date_and_a_region_that_knows_its_zones() -> None:
    for (_, region), price in PRICES.items():
        assert price.on_demand_source
        assert price.date.year == 2026
        assert set(CATALOG.region(region).zones) >= set(price.zones)


def test_spot_is_capped_by_on_demand_and_its_minimum_by_its_median() -> None:
    for key, price in PRICES.items():
        if price.spot_min is not None:
            assert price.spot_median is not None
            assert price.spot_min <= price.spot_median, key
            if price.on_demand is not None:
                assert price.spot_min <= price.on_demand + Decimal("0.0001"), key  # spot has four decimals


def test_the_latest_price_of_the_history_is_the_current_one() -> None:
    histories = [instance for instance in CATALOG.instances() if instance.price_history_us_east_1]
    assert histories
    for instance in histories:
        latest = max(instance.price_history_us_east_1, key=lambda change: change.date)
        price = CATALOG.price(instance.id, "us-east-1")
        assert price is not None
        assert price.on_demand == latest.on_demand


def test_bigger_sizes_of_a_family_with_more_gpus_cost_more() -> None:
    for instance in CATALOG.instances():
        for other in CATALOG.instances():
            if (
                instance.family == other.family
                and instance.gpu_count < other.gpu_count
                and instance.vcpus <= other.vcpus
            ):
                a, b = CATALOG.price(instance.id, "us-east-1"), CATALOG.price(other.id, "us-east-1")
                if a is not None and b is not None and a.on_demand and b.on_demand:
                    assert a.on_demand < b.on_demand


def test_no_price_is_a_state_and_not_zero() -> None:
    assert CATALOG.price("p6e-gb200.36xlarge", "us-east-1") is None
    assert CATALOG.price("g6e.xlarge", "sa-east-1") is None
    p5e = CATALOG.price("p5e.48xlarge", "us-west-2")
    assert p5e is not None
    assert p5e.on_demand is None


@pytest.mark.parametrize(("instance", "region"), [("g6e.huge", "us-east-1"), ("g6e.xlarge", "us-east-9")])
def test_a_price_of_what_does_not_exist_is_an_input_error(instance: str, region: str) -> None:
    with pytest.raises(InputError):
        CATALOG.price(instance, region)


def _offered_without_price() -> set[tuple[str, str]]:
    return {(i.family, r) for i in CATALOG.instances() for r in i.zones if (i.id, r) not in PRICES}


def test_offers_and_prices_disagree_only_where_it_is_known() -> None:
    """Two sources: offerings capture and price snapshot. Both facts are kept; the gaps are reported here."""
    gaps = {
        (family, region)
        for family, region in _offered_without_price()
        if family not in OFFERED_BUT_NOT_PRICED
    }
    by_region: dict[str, set[str]] = {}
    for family, region in gaps:
        by_region.setdefault(region, set()).add(family)
    assert set(by_region) == {
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-south-2",
        "ap-southeast-3",
        "ap-southeast-5",
        "eu-central-1",
        "eu-central-2",
        "eu-north-1",
        "eu-south-2",
        "eu-west-2",
        "eu-west-3",
        "il-central-1",
        "me-central-1",
        "sa-east-1",
        "us-west-2",
    }
    assert by_region["eu-central-1"] == {"g7e"}
    assert by_region["us-west-2"] == {"g7e"}
    assert by_region["eu-central-2"] == {"g6", "gr6"}


def test_only_retired_types_are_priced_where_none_is_offered() -> None:
    orphans = {
        instance.family
        for instance in CATALOG.instances()
        for region in REGIONS
        if (instance.id, region) in PRICES and region not in instance.zones and "gov" not in region
    }
    assert orphans == {"p3"}


def test_system_nodes_have_a_price_in_the_example_regions() -> None:
    for region in ("us-east-1", "us-west-2", "eu-central-1", "eu-west-1", "eu-north-1", "ca-central-1"):
        for instance in ("m7i.large", "m7i.xlarge", "m7i.2xlarge", "m7g.2xlarge"):
            assert (instance, region) in PRICES


SERVICES = CATALOG.service_prices()


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.id)
def test_a_service_price_is_positive_exact_and_sourced(service: ServicePrice) -> None:
    assert service.source
    assert service.default > 0
    for region, quote in service.regions.items():
        assert CATALOG.region(region).id == region
        assert isinstance(quote.price, Decimal)
        assert quote.price > 0
        assert quote.source
        assert quote.confidence in ("published", "secondary", "judgement")
    if "not read" in service.source or "recalled" in service.source:
        assert service.confidence != "published"


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2"])
def test_every_service_has_a_price_in_the_american_examples(region: str) -> None:
    assert [s.id for s in SERVICES if CATALOG.service_price(s.id, region)[0] is None] == []


@pytest.mark.parametrize(
    ("service", "region", "usd"),
    [
        ("eks-cluster-hour", "eu-north-1", "0.10"),
        ("eks-cluster-extended-hour", "us-east-1", "0.60"),
        ("nat-gateway-hour", "us-east-1", "0.045"),
        ("nat-gateway-hour", "eu-central-1", "0.052"),
        ("nat-gateway-hour", "eu-west-1", "0.048"),
        ("alb-hour", "eu-central-1", "0.027"),
        ("vpc-endpoint-hour", "eu-central-1", "0.012"),
        ("ebs-gp3-gb-month", "eu-central-1", "0.0952"),
        ("public-ipv4-hour", "ap-southeast-5", "0.005"),
        ("kms-key-month", "eu-central-1", "1.00"),
        ("secrets-manager-secret-month", "us-west-2", "0.40"),
    ],
)
def test_well_known_service_prices(service: str, region: str, usd: str) -> None:
    assert CATALOG.service_price(service, region)[0] == Decimal(usd)


def test_a_service_price_carries_the_source_of_its_region() -> None:
    here, record_here = CATALOG.service_price("nat-gateway-hour", "eu-central-1")
    home, record_home = CATALOG.service_price("nat-gateway-hour", "us-east-1")
    assert here != home
    assert record_here.source != record_home.source
    assert CATALOG.service_price("nlb-hour", "eu-central-1")[1].confidence == "judgement"


def test_a_region_without_a_known_service_price_has_none() -> None:
    price, record = CATALOG.service_price("nat-gateway-hour", "sa-east-1")
    assert price is None
    assert record.id == "nat-gateway-hour"
    assert CATALOG.service_price("eks-cluster-hour", "us-gov-west-1")[0] is None
