"""INF-SEC-002: instances answer metadata requests with a session token only (IMDSv2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policy_graphs import ENVIRONMENT, TEMPLATE, changed, compliant, messages, outcome, resource

from inferstack.policy.types import Outcome
from inferstack.resources import UNKNOWN

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


def launched_by_karpenter(options: Mapping[str, Any]) -> Outcome:
    node_class = resource(
        "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass",
        "chat",
        {"spec": {"metadataOptions": options}},
        parent=ENVIRONMENT,
    )
    return outcome({**compliant(), node_class.urn: node_class}, RULE)


def test_nodes_that_karpenter_launches_are_judged_too() -> None:
    sound = {"httpTokens": "required", "httpPutResponseHopLimit": 1}
    assert launched_by_karpenter(sound) is Outcome.PASS
    assert launched_by_karpenter({"httpTokens": "optional"}) is Outcome.FAIL
    assert launched_by_karpenter({"httpTokens": UNKNOWN}) is Outcome.INDETERMINATE
