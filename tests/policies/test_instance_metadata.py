"""INF-SEC-002: instances answer metadata requests with a session token only (IMDSv2)."""

from __future__ import annotations

from policy_graphs import TEMPLATE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-SEC-002"


def test_required_tokens_pass() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_optional_tokens_fail() -> None:
    resources = changed(TEMPLATE, {"metadataOptions.httpTokens": "optional"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "httpTokens is not 'required'" in messages(resources, RULE)


def test_saying_nothing_fails() -> None:
    resources = changed(TEMPLATE, {}, without=("metadataOptions",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "httpTokens is not 'required'" in messages(resources, RULE)


def test_many_hops_fail() -> None:
    resources = changed(TEMPLATE, {"metadataOptions.httpPutResponseHopLimit": 3})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "HopLimit is 3" in messages(resources, RULE)


def test_no_metadata_service_passes() -> None:
    resources = changed(TEMPLATE, {"metadataOptions": {"httpEndpoint": "disabled"}})
    assert outcome(resources, RULE) is Outcome.PASS
