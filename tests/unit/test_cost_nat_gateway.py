"""NAT gateways: hours, and the data that passes them."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, UNPRICED, amounts, lines, resource


def test_hours_and_assumed_data_by_hand() -> None:
    found = lines(resource("aws:ec2/natGateway:NatGateway", parent=ENVIRONMENT))
    assert [str(line.monthly) for line in found] == ["36.50", "2.00"]
    assert [line.usage_based for line in found] == [False, True]


def test_no_price_in_the_region_is_two_gaps() -> None:
    nat = resource("aws:ec2/natGateway:NatGateway", parent=ENVIRONMENT)
    assert amounts(nat, region=UNPRICED) == [None, None]
