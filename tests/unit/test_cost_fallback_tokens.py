"""Tokens that external backends answer: their share is not known in advance, so it is a visible gap."""

from __future__ import annotations

from cost_graphs import bill, lines, workload

from inferstack.resources import UNKNOWN

BEDROCK = {"provider": "bedrock", "model": "eu.anthropic.claude-sonnet-4-5", "enabled": True}


def test_an_external_backend_is_a_visible_gap() -> None:
    (line,) = lines(workload(fallback=[BEDROCK]))
    assert line.monthly is None
    assert "bedrock eu.anthropic.claude-sonnet-4-5" in line.label


def test_no_backend_costs_nothing() -> None:
    assert bill(workload()).resources == ()


def test_a_backend_the_gateway_does_not_use_costs_nothing() -> None:
    assert bill(workload(fallback=[{**BEDROCK, "enabled": False}])).resources == ()


def test_unknown_backends_are_a_gap() -> None:
    assert [line.monthly for line in lines(workload(fallback=UNKNOWN))] == [None]
