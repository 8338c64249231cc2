"""What is sold where, to whom, for how much."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.sizing.market import Market, MarketQuery, market
from inferstack.sizing.parallelism import Cut, node_cuts, pipeline_cuts, tensor_cuts
from inferstack.sizing.slots import Terms, cheapest, slots

CATALOG = load_catalog()
EVERYWHERE = tuple(region.id for region in CATALOG.regions() if region.partition == "aws")


def sold(*regions: str, **query: tuple[str, ...]) -> Market:
    return market(CATALOG, MarketQuery(regions=regions, **query))


def code(found: Market, instance_id: str) -> str:
    return next(rejection.code for rejection in found.rejections if rejection.candidate == instance_id)


def test_a_market_is_built_once() -> None:
    assert sold("eu-central-1") is sold("eu-central-1")


def test_every_instance_type_is_a_host_or_a_rejection() -> None:
    found = sold("eu-central-1")
    names = {host.instance.id for host in found.hosts} | {r.candidate for r in found.rejections}
    assert names == {instance.id for instance in CATALOG.instances()}


def test_types_lost_for_their_own_reasons() -> None:
    found = sold("eu-central-1", deny=("g5.xlarge",))
    assert code(found, "p5.48xlarge") == "not-sold"
    assert code(found, "g5.xlarge") == "denied"
    assert code(found, "g6f.xlarge") == "hardware-rule"
    assert code(found, "g7e.2xlarge") == "no-price"


def test_an_allow_list_denies_the_rest() -> None:
    found = sold("us-east-1", allow=("g6e.xlarge",))
    assert [host.instance.id for host in found.hosts] == ["g6e.xlarge"]
    assert code(found, "g6e.2xlarge") == "denied"


def test_zones_can_be_narrowed() -> None:
    found = sold("us-west-2", zones=("usw2-az1",))
    assert {offer.zones for host in found.hosts for offer in host.offers} == {("usw2-az1",)}


def test_zones_without_eks_control_plane_are_left_out() -> None:
    found = sold("us-east-1")
    assert all("use1-az3" not in offer.zones for host in found.hosts for offer in host.offers)


def test_offers_are_sorted_cheapest_first() -> None:
    found = sold(*EVERYWHERE, purchases=("on-demand", "spot"))
    for host in found.hosts:
        prices = [offer.usd_per_hour for offer in host.offers if offer.usd_per_hour is not None]
        assert prices == sorted(prices)


def test_committed_prices_are_never_guessed() -> None:
    found = sold("us-east-1", purchases=("on-demand", "savings-plan-1y"))
    assert found.unpriced_purchases == ("savings-plan-1y",)
    host = next(host for host in found.hosts if host.instance.id == "g6e.xlarge")
    assert [(o.purchase, o.usd_per_hour) for o in host.offers] == [
        ("on-demand", Decimal("1.861")),
        ("savings-plan-1y", None),
    ]


def test_a_reservation_is_billed_as_on_demand() -> None:
    reserved = sold("us-east-1", purchases=("capacity-reservation",))
    host = next(host for host in reserved.hosts if host.instance.id == "g6e.xlarge")
    assert host.offers[0].usd_per_hour == Decimal("1.861")


def test_capacity_blocks_are_sold_for_block_eligible_types_without_a_price() -> None:
    found = sold("us-east-2", purchases=("capacity-block",))
    names = {host.instance.id for host in found.hosts}
    assert "p5e.48xlarge" in names
    assert "g6e.xlarge" not in names
    assert all(offer.usd_per_hour is None for host in found.hosts for offer in host.offers)


def test_cuts() -> None:
    assert [str(cut) for cut in tensor_cuts(4)] == ["TP1", "TP2", "TP4"]
    assert [str(cut) for cut in pipeline_cuts(4)] == ["TP1 PP2", "TP1 PP4", "TP2 PP2"]
    assert [(cut.gpus, cut.gpus_per_node) for cut in node_cuts(8)] == [(16, 8), (24, 8), (32, 8)]


@pytest.mark.parametrize(
    ("cut", "per_unit"), [(Cut(1), {1, 4, 8}), (Cut(2), {2, 4}), (Cut(4), {1, 2}), (Cut(8), {1})]
)
def test_several_replicas_share_a_node(cut: Cut, per_unit: set[int]) -> None:
    assert {slot.per_unit for slot in slots(sold("us-east-1"), "L40S", cut)} == per_unit


def test_a_replica_over_nodes_takes_whole_nodes() -> None:
    found = slots(sold("us-east-1"), "H100", Cut(8, 2, 2))
    assert [(slot.host.instance.id, slot.nodes, slot.per_unit) for slot in found] == [("p5.48xlarge", 2, 1)]


def test_the_cheapest_fleet_packs_replicas_where_that_is_cheaper() -> None:
    found = slots(sold("us-east-1"), "L4", Cut(1))
    alone = cheapest(found, 1, Terms())
    assert alone is not None
    assert alone.slot.host.instance.id == "g6.xlarge"
    assert alone.cost == (False, Decimal("0.8048"))


def test_one_zone_types_cannot_serve_what_must_survive_a_zone() -> None:
    narrow = sold("us-west-2", zones=("usw2-az1",))
    assert cheapest(slots(narrow, "L4", Cut(1)), 1, Terms(survives="zone")) is None


def test_max_replicas_bounds_the_fleet() -> None:
    found = slots(sold("us-east-1"), "L4", Cut(1))
    assert cheapest(found, 2, Terms(survives="node", max_replicas=2)) is None
