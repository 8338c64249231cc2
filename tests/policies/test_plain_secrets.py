"""INF-SEC-006: no secret stands as plain text in pods, config maps, chart values or user data."""

from __future__ import annotations

from policy_graphs import CHART, DEPLOYMENT, changed, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-SEC-006"


def test_references_pass() -> None:
    resources = changed(
        DEPLOYMENT,
        {
            "spec.template.spec.containers.0.env": [
                {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}
            ]
        },
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_plain_token_fails() -> None:
    resources = changed(
        DEPLOYMENT,
        {"spec.template.spec.containers.0.env": [{"name": "HF_TOKEN", "value": "not-a-reference"}]},
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "has HF_TOKEN as a plain value" in messages(resources, RULE)


def test_a_name_of_a_secret_passes() -> None:
    resources = changed(
        DEPLOYMENT,
        {"spec.template.spec.containers.0.env": [{"name": "TOKEN_SECRET_NAME", "value": "hugging-face"}]},
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_reference_to_another_variable_passes() -> None:
    resources = changed(
        DEPLOYMENT, {"spec.template.spec.containers.0.env": [{"name": "API_KEY", "value": "$(OTHER_KEY)"}]}
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_an_access_key_anywhere_fails() -> None:
    resources = changed(CHART, {"values.config": "key: AKIAIOSFODNN7EXAMPLE"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "looks like a token" in messages(resources, RULE)


def test_a_private_key_anywhere_fails() -> None:
    resources = changed(CHART, {"values.tls": "-----BEGIN RSA PRIVATE KEY-----"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "looks like a token" in messages(resources, RULE)
