"""INF-GPU-005: servers finish what they began before they are killed."""

from __future__ import annotations

from policy_graphs import DEPLOYMENT, SERVICE, changed, compliant, messages, outcome, put

from inferstack.policy.types import Outcome

RULE = "INF-GPU-005"
POD = "spec.template.spec"
CONTAINER = "spec.template.spec.containers.0"


def test_the_compliant_environment_passes() -> None:
    assert outcome(compliant(), RULE) is Outcome.PASS


def test_no_drain_fails() -> None:
    resources = changed(DEPLOYMENT, {f"{CONTAINER}.args": ["s3://weights", "--tensor-parallel-size", "2"]})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "aborts requests in flight" in messages(resources, RULE)


def test_a_grace_period_that_ends_before_the_drain_fails() -> None:
    resources = changed(DEPLOYMENT, {f"{POD}.terminationGracePeriodSeconds": 69})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "drains for 70 s and is killed after 69 s" in messages(resources, RULE)


def test_the_default_grace_period_is_too_short() -> None:
    resources = changed(DEPLOYMENT, {}, without=(f"{POD}.terminationGracePeriodSeconds",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "killed after 30 s" in messages(resources, RULE)


def test_spot_is_gone_after_two_minutes() -> None:
    resources = changed(SERVICE, {"purchase": "spot"})
    assert outcome(resources, RULE) is Outcome.PASS
    put(resources[DEPLOYMENT].inputs, f"{POD}.terminationGracePeriodSeconds", 180)
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "spot capacity is gone after 120 s" in messages(resources, RULE)


def test_the_equals_form_is_read() -> None:
    resources = changed(DEPLOYMENT, {f"{CONTAINER}.args": ["s3://weights", "--shutdown-timeout=60"]})
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_timeout_that_is_no_number_is_indeterminate() -> None:
    resources = changed(DEPLOYMENT, {f"{CONTAINER}.args": ["s3://weights", "--shutdown-timeout", "long"]})
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
