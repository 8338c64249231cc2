"""INF-RES-003: subnets, volumes and reservations lie in zones of allowed regions."""

from __future__ import annotations

from policy_graphs import SUBNET, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-RES-003"


def test_a_zone_inside_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_zone_name_outside_fails() -> None:
    resources = changed(SUBNET, {"availabilityZone": "us-east-1a"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "us-east-1 is outside" in messages(resources, RULE)


def test_a_zone_id_outside_fails() -> None:
    resources = changed(SUBNET, {"availabilityZoneId": "use1-az1"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "us-east-1 is outside" in messages(resources, RULE)


def test_a_local_zone_outside_fails() -> None:
    resources = changed(SUBNET, {"availabilityZone": "us-west-2-lax-1a"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "us-west-2 is outside" in messages(resources, RULE)


def test_a_zone_nobody_knows_cannot_be_cleared() -> None:
    resources = changed(SUBNET, {"availabilityZoneId": "moon1-az1"})
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "not established" in messages(resources, RULE)
