"""INF-LIC-004: revenue stays at or below the cap of the licence (Mistral modified MIT, MiniMax M3)."""

from __future__ import annotations

from policy_graphs import SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-LIC-004"


def test_a_licence_without_a_cap_is_not_judged() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE


def test_revenue_at_twelve_monthly_caps_passes() -> None:
    resources = changed(
        SERVICE,
        {"model": "mistralai/Mistral-Medium-3.5-128B", "usage.annualRevenueUsd": "240000000"},
        without=("licence",),
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_cent_above_twelve_monthly_caps_fails() -> None:
    resources = changed(
        SERVICE,
        {"model": "mistralai/Mistral-Medium-3.5-128B", "usage.annualRevenueUsd": "240000000.01"},
        without=("licence",),
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "commercial licence needed" in messages(resources, RULE)


def test_a_yearly_cap_is_not_multiplied() -> None:
    resources = changed(
        SERVICE, {"model": "MiniMaxAI/MiniMax-M3", "usage.annualRevenueUsd": "20000001"}, without=("licence",)
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "US$20,000,000" in messages(resources, RULE)


def test_missing_revenue_cannot_be_cleared_under_a_cap() -> None:
    resources = changed(SERVICE, {"model": "mistralai/Mistral-Medium-3.5-128B"}, without=("licence",))
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "annualRevenueUsd is not stated" in messages(resources, RULE)


def test_a_cap_for_model_as_a_service_needs_to_know_the_business() -> None:
    resources = changed(
        SERVICE, {"model": "moonshotai/Kimi-K3", "usage.annualRevenueUsd": "90000000"}, without=("licence",)
    )
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "whether this is such a business" in messages(resources, RULE)


def test_research_use_is_not_judged() -> None:
    resources = changed(
        SERVICE,
        {"model": "mistralai/Mistral-Medium-3.5-128B", "usage.commercial": False},
        without=("licence",),
    )
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE
