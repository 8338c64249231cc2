"""INF-CST-002: every workload says who answers for it and where its cost is booked."""

from __future__ import annotations

from policy_graphs import SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-CST-002"


def test_an_owner_and_a_cost_centre_pass() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_no_owner_fails() -> None:
    resources = changed(SERVICE, {}, without=("owner",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "states no owner" in messages(resources, RULE)


def test_a_blank_cost_centre_fails() -> None:
    resources = changed(SERVICE, {"costCentre": " "})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "states no costCentre" in messages(resources, RULE)
