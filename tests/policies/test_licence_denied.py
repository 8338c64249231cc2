"""INF-LIC-010: no licence that the environment refuses."""

from __future__ import annotations

from policy_graphs import ENVIRONMENT, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-LIC-010"


def test_a_licence_that_is_not_refused_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_refused_licence_fails() -> None:
    resources = changed(ENVIRONMENT, {"policy.denyLicences": ["llama3*"]})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "refused here" in messages(resources, RULE)


def test_nothing_refused_is_not_judged() -> None:
    resources = changed(ENVIRONMENT, {"policy.denyLicences": []})
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE
