"""Secrets Manager secrets."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, amounts, resource


def test_a_secret_costs_forty_cents() -> None:
    assert amounts(resource("aws:secretsmanager/secret:Secret", parent=ENVIRONMENT)) == ["0.40"]
