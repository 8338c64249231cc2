"""INF-GPU-007: a rollout neither waits for a GPU that cannot come nor takes the service down."""

from __future__ import annotations

from typing import Any

from policy_graphs import DEPLOYMENT, SERVICE, changed, compliant, messages, outcome, put

from inferstack.policy.types import Outcome

RULE = "INF-GPU-007"
CONTAINER = "spec.template.spec.containers.0"


def test_the_compliant_environment_passes() -> None:
    assert outcome(compliant(), RULE) is Outcome.PASS


STRATEGY = "spec.strategy"


def rolling(surge: Any, unavailable: Any) -> dict[str, Any]:
    return {f"{STRATEGY}.rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


def test_a_surge_nobody_planned_fails() -> None:
    resources = changed(DEPLOYMENT, rolling(1, 0))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "waits for 1 spare replica, and the plan has GPUs for 0" in messages(resources, RULE)


def test_the_default_strategy_rounds_to_a_deadlock() -> None:
    resources = changed(DEPLOYMENT, {}, without=(STRATEGY,))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "waits for 1 spare replica" in messages(resources, RULE)


def test_percentages_that_leave_one_free_pass() -> None:
    assert outcome(changed(DEPLOYMENT, rolling("25%", "34%")), RULE) is Outcome.PASS


def test_a_planned_surge_passes() -> None:
    resources = changed(DEPLOYMENT, rolling(1, 0))
    put(resources[SERVICE].inputs, "surgeReplicas", 1)
    assert outcome(resources, RULE) is Outcome.PASS


def test_taking_all_away_at_once_fails() -> None:
    resources = changed(DEPLOYMENT, rolling(0, "100%"))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "all 3 replicas away at once" in messages(resources, RULE)


def test_recreating_several_replicas_fails_and_one_passes() -> None:
    resources = changed(DEPLOYMENT, {STRATEGY: {"type": "Recreate"}})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "stops all 3 replicas" in messages(resources, RULE)
    put(resources[DEPLOYMENT].inputs, "spec.replicas", 1)
    assert outcome(resources, RULE) is Outcome.PASS


def test_replicas_of_an_autoscaler_are_the_plans() -> None:
    resources = changed(DEPLOYMENT, rolling(0, "100%"), without=("spec.replicas",))
    assert "all 3 replicas away at once" in messages(resources, RULE)


def test_a_deployment_without_gpus_may_surge() -> None:
    resources = changed(DEPLOYMENT, rolling(1, 0), without=(f"{CONTAINER}.resources",))
    assert outcome(resources, RULE) is Outcome.PASS
