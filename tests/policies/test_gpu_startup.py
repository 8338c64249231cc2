"""INF-GPU-004: servers may take as long to start as loading takes before they are restarted."""

from __future__ import annotations

from policy_graphs import DEPLOYMENT, SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-GPU-004"
CONTAINER = "spec.template.spec.containers.0"


def test_the_compliant_environment_passes() -> None:
    assert outcome(compliant(), RULE) is Outcome.PASS


def test_a_probe_that_gives_up_early_fails() -> None:
    resources = changed(DEPLOYMENT, {f"{CONTAINER}.startupProbe.failureThreshold": 23})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "after 230 s, and its cold start takes 240 s" in messages(resources, RULE)


def test_a_delay_counts() -> None:
    probe = {"periodSeconds": 10, "failureThreshold": 23, "initialDelaySeconds": 10}
    resources = changed(DEPLOYMENT, {f"{CONTAINER}.startupProbe": probe})
    assert outcome(resources, RULE) is Outcome.PASS


def test_kubernetes_defaults_are_too_short() -> None:
    resources = changed(DEPLOYMENT, {f"{CONTAINER}.startupProbe": {"httpGet": {"path": "/health"}}})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "after 30 s" in messages(resources, RULE)


def test_liveness_without_startup_fails() -> None:
    resources = changed(DEPLOYMENT, {}, without=(f"{CONTAINER}.startupProbe",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "liveness probe and no startup probe" in messages(resources, RULE)


def test_a_rank_without_probes_passes() -> None:
    without = (f"{CONTAINER}.startupProbe", f"{CONTAINER}.livenessProbe")
    assert outcome(changed(DEPLOYMENT, {}, without=without), RULE) is Outcome.PASS


def test_an_unstated_cold_start_is_indeterminate() -> None:
    assert outcome(changed(SERVICE, {}, without=("coldStartS",)), RULE) is Outcome.INDETERMINATE
