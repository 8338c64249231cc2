"""INF-RES-008: requests do not leave for a backend that is cleared for less than they may contain."""

from __future__ import annotations

from policy_graphs import SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-RES-008"


def test_no_backend_is_not_judged() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE


def test_a_backend_cleared_for_as_much_passes() -> None:
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


def test_a_backend_cleared_for_less_fails() -> None:
    resources = changed(
        SERVICE,
        {
            "fallback": [
                {
                    "provider": "bedrock",
                    "model": "eu.anthropic.claude-sonnet-4-5",
                    "maxClassification": "internal",
                }
            ]
        },
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "cleared for internal at most" in messages(resources, RULE)


def test_a_backend_without_clearance_cannot_be_cleared() -> None:
    resources = changed(
        SERVICE, {"fallback": [{"provider": "bedrock", "model": "eu.anthropic.claude-sonnet-4-5"}]}
    )
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "is not stated" in messages(resources, RULE)


def test_a_class_nobody_knows_cannot_be_cleared() -> None:
    resources = changed(
        SERVICE,
        {
            "fallback": [
                {
                    "provider": "bedrock",
                    "model": "eu.anthropic.claude-sonnet-4-5",
                    "maxClassification": "secretish",
                }
            ]
        },
    )
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "is not one of" in messages(resources, RULE)
