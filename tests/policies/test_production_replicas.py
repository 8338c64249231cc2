"""INF-REL-001: production workloads keep at least two replicas."""

from __future__ import annotations

from policy_graphs import ENVIRONMENT, SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-REL-001"


def test_two_replicas_pass() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_one_replica_fails() -> None:
    resources = changed(SERVICE, {"minReplicas": 1})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "1 replica" in messages(resources, RULE)


def test_unstated_replicas_cannot_be_cleared() -> None:
    resources = changed(SERVICE, {}, without=("minReplicas",))
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "not stated" in messages(resources, RULE)


def test_one_replica_outside_production_is_not_judged() -> None:
    resources = changed(ENVIRONMENT, {"production": False})
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE


def test_an_environment_that_does_not_say_is_judged_by_its_tag() -> None:
    resources = changed(ENVIRONMENT, {"tags.environment": "dev"}, without=("production",))
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE
