"""INF-SEC-004: every bucket refuses requests without TLS."""

from __future__ import annotations

from policy_graphs import BUCKET_POLICY, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-SEC-004"


def test_a_policy_that_denies_plain_http_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_policy_without_it_fails() -> None:
    resources = changed(BUCKET_POLICY, {"policy": '{"Statement": []}'})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "no bucket policy refuses" in messages(resources, RULE)


def test_a_policy_that_is_not_json_cannot_be_cleared() -> None:
    resources = changed(BUCKET_POLICY, {"policy": "nonsense"})
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "is not JSON" in messages(resources, RULE)
