"""INF-GPU-008: every server has a disruption budget that allows drains, one within its redundancy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from policy_graphs import BUDGET, ENVIRONMENT, SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-GPU-008"


def test_the_compliant_environment_passes() -> None:
    assert outcome(compliant(), RULE) is Outcome.PASS


def test_no_budget_fails() -> None:
    resources = compliant()
    del resources[BUDGET]
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "no PodDisruptionBudget" in messages(resources, RULE)


def test_one_replica_needs_no_budget() -> None:
    resources = changed(SERVICE, {"replicas": 1, "replicasServing": 1})
    del resources[BUDGET]
    assert outcome(resources, RULE) is Outcome.PASS


@pytest.mark.parametrize("spec", [{"maxUnavailable": 0}, {"minAvailable": 3}, {"minAvailable": "100%"}])
def test_a_budget_of_none_fails(spec: dict[str, Any]) -> None:
    resources = changed(BUDGET, {"spec": spec})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "a budget of none" in messages(resources, RULE)


@pytest.mark.parametrize("spec", [{"maxUnavailable": 2}, {"maxUnavailable": "50%"}, {"minAvailable": 1}])
def test_a_budget_beyond_the_redundancy_fails(spec: dict[str, Any]) -> None:
    resources = changed(BUDGET, {"spec": spec})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "lets drains take 2 of 3 replicas, and 2 serve the peak" in messages(resources, RULE)


def test_a_budget_of_something_else_does_not_count() -> None:
    resources = compliant()
    resources[BUDGET] = replace(resources[BUDGET], parent=ENVIRONMENT)
    assert outcome(resources, RULE) is Outcome.FAIL


def test_a_budget_that_says_nothing_is_indeterminate() -> None:
    assert outcome(changed(BUDGET, {"spec": {}}), RULE) is Outcome.INDETERMINATE


def test_without_a_server_there_is_nothing_to_judge() -> None:
    resources = compliant()
    del resources[SERVICE]
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE
