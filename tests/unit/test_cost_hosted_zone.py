"""Route 53 hosted zones."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, amounts, resource


def test_a_zone_costs_fifty_cents() -> None:
    assert amounts(resource("aws:route53/zone:Zone", parent=ENVIRONMENT)) == ["0.50"]
