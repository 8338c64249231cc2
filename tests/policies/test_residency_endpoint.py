"""INF-RES-009: addresses of AWS services in any configuration, and named buckets, are in allowed regions."""

from __future__ import annotations

from policy_graphs import CHART, DEPLOYMENT, ENVIRONMENT, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-RES-009"


def test_no_address_outside_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_an_address_outside_fails() -> None:
    resources = changed(CHART, {"values.remoteWrite": "https://aps-workspaces.us-east-1.amazonaws.com/x"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "points to a service: us-east-1" in messages(resources, RULE)


def test_an_address_inside_passes() -> None:
    resources = changed(CHART, {"values.remoteWrite": "https://aps-workspaces.eu-west-1.amazonaws.com/x"})
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_bucket_named_after_a_region_outside_fails() -> None:
    resources = changed(
        DEPLOYMENT, {"spec.template.spec.containers.0.args": ["s3://acme-us-east-1-weights/x"]}
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "names a bucket: us-east-1" in messages(resources, RULE)


def test_no_residency_is_not_judged() -> None:
    resources = changed(ENVIRONMENT, {"residency": []})
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE
