"""INF-RES-005: keys, certificates, log and event destinations are in allowed regions, as their ARNs say."""

from __future__ import annotations

from typing import Any

from policy_graphs import BUCKET, ENVIRONMENT, changed, compliant, messages, outcome, resource

from inferstack.policy.types import Outcome
from inferstack.resources import UNKNOWN, Resource

RULE = "INF-RES-005"


def log_group(key: Any, depends: dict[str, tuple[str, ...]] | None = None) -> dict[str, Resource]:
    group = resource(
        "aws:cloudwatch/logGroup:LogGroup", "logs", {"kmsKeyId": key}, parent=ENVIRONMENT, depends=depends
    )
    return {**compliant(), group.urn: group}


def test_arns_inside_pass() -> None:
    assert outcome(log_group("arn:aws:kms:eu-central-1:123456789012:key/1"), RULE) is Outcome.PASS


def test_a_key_outside_fails() -> None:
    resources = log_group("arn:aws:kms:us-east-1:123456789012:key/1")
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "kmsKeyId names an ARN: us-east-1 is outside EU" in messages(resources, RULE)


def test_a_global_arn_has_no_region_to_judge() -> None:
    assert outcome(log_group("arn:aws:iam::123456789012:role/x"), RULE) is Outcome.PASS


def test_an_arn_inside_a_text_is_found() -> None:
    annotation = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    resources = changed(
        next(urn for urn in compliant() if "Deployment" in urn),
        {"metadata.annotations": {"cert": annotation}},
    )
    assert "metadata.annotations.cert" in messages(resources, RULE)


def test_an_unknown_key_of_this_stack_is_judged_where_it_is_made() -> None:
    assert outcome(log_group(UNKNOWN, {"kmsKeyId": (BUCKET,)}), RULE) is Outcome.PASS


def test_an_unknown_key_from_elsewhere_cannot_be_cleared() -> None:
    resources = log_group(UNKNOWN)
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "comes from outside the stack" in messages(resources, RULE)


def test_an_arn_of_a_region_nobody_knows_cannot_be_cleared() -> None:
    assert outcome(log_group("arn:aws:kms:xx-moon-1:123456789012:key/1"), RULE) is Outcome.INDETERMINATE
