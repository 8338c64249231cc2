"""Public IPv4 addresses that the stack reserves."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, amounts, resource


def test_an_address_costs_by_the_hour_whether_used_or_not() -> None:
    assert amounts(resource("aws:ec2/eip:Eip", parent=ENVIRONMENT)) == ["3.65"]
