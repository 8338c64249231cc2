"""INF-REL-002: production workloads with a latency promise do not stand on spot alone."""

from __future__ import annotations

from policy_graphs import ENVIRONMENT, SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-REL-002"


def test_on_demand_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_promise_on_spot_fails() -> None:
    resources = changed(SERVICE, {"purchase": "spot"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "promises ttftP95Ms on spot" in messages(resources, RULE)


def test_spot_without_a_promise_passes() -> None:
    resources = changed(SERVICE, {"purchase": "spot", "slo": {"availability": "0.95"}})
    assert outcome(resources, RULE) is Outcome.PASS


def test_spot_outside_production_is_not_judged() -> None:
    resources = changed(ENVIRONMENT, {"production": False})
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE
