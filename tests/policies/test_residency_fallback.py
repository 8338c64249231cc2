"""INF-RES-007: external backends are inside the residency of the environment and of the workload."""

from __future__ import annotations

from policy_graphs import SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-RES-007"


def test_no_backend_is_not_judged() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE


def test_a_european_profile_passes() -> None:
    resources = changed(
        SERVICE,
        {
            "fallback": [
                {
                    "provider": "bedrock",
                    "model": "eu.anthropic.claude-sonnet-4-5",
                    "maxClassification": "confidential",
                }
            ]
        },
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_an_american_profile_fails() -> None:
    resources = changed(
        SERVICE,
        {
            "fallback": [
                {
                    "provider": "bedrock",
                    "model": "us.anthropic.claude-sonnet-4-5",
                    "maxClassification": "confidential",
                }
            ]
        },
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "computes anywhere in US" in messages(resources, RULE)


def test_a_global_profile_fails() -> None:
    resources = changed(
        SERVICE,
        {
            "fallback": [
                {
                    "provider": "bedrock",
                    "model": "global.anthropic.claude-sonnet-4-5",
                    "maxClassification": "confidential",
                }
            ]
        },
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "the global profile leaves" in messages(resources, RULE)


def test_a_region_outside_fails() -> None:
    resources = changed(
        SERVICE,
        {
            "fallback": [
                {
                    "provider": "bedrock",
                    "model": "anthropic.claude-v2",
                    "maxClassification": "confidential",
                    "region": "us-east-1",
                }
            ]
        },
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "us-east-1 is outside" in messages(resources, RULE)


def test_a_model_in_the_environments_region_passes() -> None:
    resources = changed(
        SERVICE,
        {
            "fallback": [
                {"provider": "bedrock", "model": "anthropic.claude-v2", "maxClassification": "confidential"}
            ]
        },
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_hosted_api_of_unknown_place_cannot_be_cleared() -> None:
    resources = changed(
        SERVICE, {"fallback": [{"provider": "openai", "model": "gpt-5", "maxClassification": "confidential"}]}
    )
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "where it computes is not stated" in messages(resources, RULE)


def test_an_endpoint_outside_fails() -> None:
    resources = changed(
        SERVICE,
        {
            "fallback": [
                {
                    "provider": "sagemaker",
                    "model": "m",
                    "maxClassification": "confidential",
                    "endpoint": "https://runtime.sagemaker.us-east-1.amazonaws.com/x",
                }
            ]
        },
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "us-east-1 is outside" in messages(resources, RULE)


def test_a_backend_the_gateway_does_not_know_is_not_judged() -> None:
    resources = changed(
        SERVICE,
        {
            "fallback": [
                {
                    "provider": "bedrock",
                    "model": "us.x",
                    "maxClassification": "confidential",
                    "enabled": False,
                }
            ]
        },
    )
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE


def test_the_workloads_own_residency_counts_too() -> None:
    resources = changed(
        SERVICE,
        {
            "fallback": [
                {
                    "provider": "bedrock",
                    "model": "eu.anthropic.claude-sonnet-4-5",
                    "maxClassification": "confidential",
                }
            ],
            "data.residency": ["DE"],
        },
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "computes anywhere in EU" in messages(resources, RULE)


def test_the_same_rule_from_environment_and_workload_is_judged_once() -> None:
    backend = {"provider": "bedrock", "model": "m", "region": "us-east-1", "maxClassification": "restricted"}
    assert messages(changed(SERVICE, {"fallback": [backend]}), RULE).count("us-east-1 is outside EU") == 1
