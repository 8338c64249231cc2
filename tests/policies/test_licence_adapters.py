"""INF-LIC-009: LoRA adapters are derivatives: they inherit the base model's licence and its naming rule."""

from __future__ import annotations

from policy_graphs import SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-LIC-009"


def test_no_adapters_are_not_judged() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE


def test_an_adapter_of_ones_own_passes() -> None:
    resources = changed(SERVICE, {"adapters": [{"name": "tone", "source": "s3://acme-adapters/tone"}]})
    assert outcome(resources, RULE) is Outcome.PASS


def test_an_adapter_of_unknown_licence_cannot_be_cleared() -> None:
    resources = changed(SERVICE, {"adapters": [{"name": "tone", "source": "someone/tone-lora"}]})
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "licence is not established" in messages(resources, RULE)


def test_a_redistributed_adapter_needs_the_prefix() -> None:
    resources = changed(
        SERVICE, {"usage.redistributes": True, "adapters": [{"name": "tone", "source": "s3://acme/tone"}]}
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "starting with 'Llama'" in messages(resources, RULE)


def test_a_redistributed_adapter_with_the_prefix_passes() -> None:
    resources = changed(
        SERVICE,
        {"usage.redistributes": True, "adapters": [{"name": "llama-tone", "source": "s3://acme/tone"}]},
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_non_commercial_adapter_in_commercial_use_fails() -> None:
    resources = changed(SERVICE, {"adapters": [{"name": "tone", "source": "CohereLabs/c4ai-command-r-plus"}]})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "non-commercial use only" in messages(resources, RULE)
