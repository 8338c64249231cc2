"""INF-SEC-008: every model server has a NetworkPolicy that limits who may call it."""

from __future__ import annotations

from policy_graphs import NETWORK_POLICY, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-SEC-008"


def test_a_policy_that_limits_ingress_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_ingress_from_everywhere_fails() -> None:
    resources = changed(NETWORK_POLICY, {"spec.ingress": [{"ports": [{"port": 8000}]}]})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "has no NetworkPolicy" in messages(resources, RULE)


def test_a_policy_for_egress_only_fails() -> None:
    resources = changed(NETWORK_POLICY, {"spec.policyTypes": ["Egress"]})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "has no NetworkPolicy" in messages(resources, RULE)


def test_nothing_let_in_passes() -> None:
    resources = changed(NETWORK_POLICY, {}, without=("spec.ingress",))
    assert outcome(resources, RULE) is Outcome.PASS
