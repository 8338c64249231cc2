"""NAT gateways: hours, and the data that passes them."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, UNPRICED, amounts, lines, resource

from inferstack.resources import UNKNOWN


def test_hours_and_assumed_data_by_hand() -> None:
    found = lines(resource("aws:ec2/natGateway:NatGateway", parent=ENVIRONMENT))
    assert [str(line.monthly) for line in found] == ["36.50", "2.00"]
    assert [line.usage_based for line in found] == [False, True]


def test_no_price_in_the_region_is_two_gaps() -> None:
    nat = resource("aws:ec2/natGateway:NatGateway", parent=ENVIRONMENT)
    assert amounts(nat, region=UNPRICED) == [None, None]


def regional(**inputs: object) -> list[str | None]:
    nat = resource(
        "aws:ec2/natGateway:NatGateway", inputs={"availabilityMode": "regional", **inputs}, parent=ENVIRONMENT
    )
    return [None if value is None else str(value) for value in amounts(nat)]


def test_a_regional_gateway_costs_by_the_zone() -> None:
    places = [{"availabilityZoneId": f"usw2-az{zone}", "allocationIds": ["x"]} for zone in (1, 2, 3)]
    assert regional(availabilityZoneAddresses=places) == ["109.50", "6.00"]


def test_a_regional_gateway_that_finds_its_zones_has_no_price_yet() -> None:
    assert regional() == [None, None]
    assert regional(availabilityZoneAddresses=UNKNOWN) == [None]


def test_a_gateway_of_unknown_kind_is_a_gap() -> None:
    nat = resource("aws:ec2/natGateway:NatGateway", inputs={"availabilityMode": UNKNOWN}, parent=ENVIRONMENT)
    assert amounts(nat) == [None]
