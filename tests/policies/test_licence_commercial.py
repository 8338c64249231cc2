"""INF-LIC-002: commercial use only under a licence that allows it."""

from __future__ import annotations

from policy_graphs import SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-LIC-002"


def test_a_licence_for_commercial_use_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_command_r_plus_in_commercial_use_fails() -> None:
    resources = changed(SERVICE, {"model": "CohereLabs/c4ai-command-r-plus"}, without=("licence",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "non-commercial use only" in messages(resources, RULE)


def test_a_research_licence_in_commercial_use_fails() -> None:
    resources = changed(SERVICE, {"model": "mistralai/Mistral-Large-Instruct-2411"}, without=("licence",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "non-commercial use only" in messages(resources, RULE)


def test_a_model_without_public_weights_fails() -> None:
    resources = changed(SERVICE, {"model": "mistral-medium-2505"}, without=("licence",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "may not be hosted" in messages(resources, RULE)


def test_research_use_of_a_research_licence_is_not_judged() -> None:
    resources = changed(
        SERVICE, {"model": "CohereLabs/c4ai-command-r-plus", "usage.commercial": False}, without=("licence",)
    )
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE


def test_use_counts_as_commercial_when_nothing_is_said() -> None:
    resources = changed(
        SERVICE, {"model": "CohereLabs/c4ai-command-r-plus"}, without=("licence", "usage.commercial")
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "non-commercial" in messages(resources, RULE)
