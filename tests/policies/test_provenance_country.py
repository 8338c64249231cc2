"""INF-PRO-001: no model developed in a country that the environment refuses."""

from __future__ import annotations

from policy_graphs import ENVIRONMENT, SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-PRO-001"


def test_a_country_that_is_not_refused_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_refused_country_fails() -> None:
    resources = changed(ENVIRONMENT, {"policy.denyDeveloperCountries": ["us"]})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "developed in US" in messages(resources, RULE)


def test_an_unknown_country_cannot_be_cleared() -> None:
    resources = changed(
        SERVICE, {"model": "WizardLMTeam/WizardMath-70B-V1.0"}, without=("licence", "developerCountry")
    )
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "not established" in messages(resources, RULE)


def test_a_country_that_is_not_the_models_fails() -> None:
    resources = changed(SERVICE, {"developerCountry": "FR"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "states developer country FR" in messages(resources, RULE)


def test_nothing_refused_is_not_judged() -> None:
    resources = changed(ENVIRONMENT, {"policy.denyDeveloperCountries": []})
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE
