"""INF-GPU-003: a server's host memory is reserved in full and bounded."""

from __future__ import annotations

from policy_graphs import DEPLOYMENT, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-GPU-003"
CONTAINER = "spec.template.spec.containers.0"


def test_the_compliant_environment_passes() -> None:
    assert outcome(compliant(), RULE) is Outcome.PASS


def test_no_limit_fails() -> None:
    resources = changed(DEPLOYMENT, {}, without=(f"{CONTAINER}.resources.limits.memory",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "no memory limit" in messages(resources, RULE)


def test_a_smaller_request_fails() -> None:
    resources = changed(DEPLOYMENT, {f"{CONTAINER}.resources.requests.memory": "30Gi"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "requests less memory" in messages(resources, RULE)


def test_the_same_amount_in_another_unit_passes() -> None:
    resources = changed(DEPLOYMENT, {f"{CONTAINER}.resources.requests.memory": "61440Mi"})
    assert outcome(resources, RULE) is Outcome.PASS
