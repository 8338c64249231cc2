"""INF-RES-001: AWS providers act in regions that the environment's residency allows."""

from __future__ import annotations

from policy_graphs import ENVIRONMENT, PROVIDER, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-RES-001"


def test_a_region_inside_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_region_outside_fails() -> None:
    resources = changed(PROVIDER, {"region": "us-east-1"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "us-east-1 is outside EU" in messages(resources, RULE)


def test_a_region_from_the_surroundings_cannot_be_cleared() -> None:
    resources = changed(PROVIDER, {}, without=("region",))
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "region is not stated" in messages(resources, RULE)


def test_a_region_nobody_knows_cannot_be_cleared() -> None:
    resources = changed(PROVIDER, {"region": "xx-moon-1"})
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "not established" in messages(resources, RULE)


def test_no_residency_is_not_judged() -> None:
    resources = changed(ENVIRONMENT, {"residency": []})
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE


def test_a_country_is_a_residency_too() -> None:
    resources = changed(ENVIRONMENT, {"residency": ["IE"]})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "outside IE" in messages(resources, RULE)
