"""INF-LIC-003: monthly active users stay at or below the cap of the licence (Llama 700 M, Qwen 100 M)."""

from __future__ import annotations

from policy_graphs import SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-LIC-003"


def test_users_below_the_cap_pass() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_exactly_the_cap_passes() -> None:
    resources = changed(SERVICE, {"usage.monthlyActiveUsers": 700000000})
    assert outcome(resources, RULE) is Outcome.PASS


def test_one_user_above_the_llama_cap_fails() -> None:
    resources = changed(SERVICE, {"usage.monthlyActiveUsers": 700000001})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "needs the licensor's permission" in messages(resources, RULE)


def test_one_user_above_the_qwen_cap_fails() -> None:
    resources = changed(
        SERVICE,
        {"model": "Qwen/Qwen2.5-72B-Instruct", "usage.monthlyActiveUsers": 100000001},
        without=("licence",),
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "100,000,000" in messages(resources, RULE)


def test_missing_users_cannot_be_cleared_under_a_cap() -> None:
    resources = changed(SERVICE, {}, without=("usage.monthlyActiveUsers",))
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "not stated" in messages(resources, RULE)


def test_missing_users_do_not_matter_without_a_cap() -> None:
    resources = changed(
        SERVICE,
        {"model": "mistralai/Mistral-7B-Instruct-v0.3"},
        without=("licence", "usage.monthlyActiveUsers"),
    )
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE


def test_a_cap_that_is_only_a_display_duty_is_not_a_cap() -> None:
    resources = changed(
        SERVICE,
        {"model": "moonshotai/Kimi-K2-Instruct", "usage.monthlyActiveUsers": 900000000},
        without=("licence",),
    )
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE


def test_missing_users_do_not_matter_in_research() -> None:
    resources = changed(SERVICE, {"usage.commercial": False}, without=("usage.monthlyActiveUsers",))
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE
