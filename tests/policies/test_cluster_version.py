"""INF-REL-003: the cluster's Kubernetes version is supported."""

from __future__ import annotations

import datetime as dt

from policy_graphs import CLUSTER, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-REL-003"


def test_a_supported_version_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_extended_support_passes_here() -> None:
    resources = changed(CLUSTER, {"version": "1.33"})
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_version_nobody_knows_cannot_be_cleared() -> None:
    resources = changed(CLUSTER, {"version": "1.99"})
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "not established" in messages(resources, RULE)


def test_a_version_without_support_fails() -> None:
    resources = changed(CLUSTER, {"version": "1.31"})
    assert outcome(resources, RULE, dt.date(2026, 11, 27)) is Outcome.FAIL
    assert "lost all support on 2026-11-26" in messages(resources, RULE, dt.date(2026, 11, 27))


def test_the_last_day_still_passes() -> None:
    resources = changed(CLUSTER, {"version": "1.31"})
    assert outcome(resources, RULE, dt.date(2026, 11, 26)) is Outcome.PASS
