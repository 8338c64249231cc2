"""INF-REL-004: the cluster's Kubernetes version has standard support for a while yet."""

from __future__ import annotations

from policy_graphs import CLUSTER, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-REL-004"


def test_a_version_with_a_year_left_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_extended_support_fails() -> None:
    resources = changed(CLUSTER, {"version": "1.33"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "is in extended support" in messages(resources, RULE)


def test_the_last_ninety_days_fail() -> None:
    resources = changed(CLUSTER, {"version": "1.34"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "leaves standard support on 2026-12-02" in messages(resources, RULE)


def test_a_version_nobody_knows_cannot_be_cleared() -> None:
    resources = changed(CLUSTER, {"version": "1.99"})
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "not established" in messages(resources, RULE)
