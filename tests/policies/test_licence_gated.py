"""INF-LIC-011: a gated model is downloaded with the token of someone who accepted its terms."""

from __future__ import annotations

from policy_graphs import SERVICE, TOKEN, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-LIC-011"


def test_a_gated_model_with_a_token_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_an_open_model_needs_none() -> None:
    resources = changed(SERVICE, {"model": "mistralai/Mistral-7B-Instruct-v0.3"}, without=("licence",))
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_gated_model_without_a_token_fails() -> None:
    resources = changed(TOKEN, {"metadata.name": "something-else"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "holds no Hugging Face token" in messages(resources, RULE)


def test_a_model_of_unknown_gating_cannot_be_cleared() -> None:
    resources = changed(SERVICE, {"model": "acme/own", "checkpoint": "acme/own"}, without=("gated",))
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "is gated is not established" in messages(resources, RULE)


def test_a_re_release_is_not_judged_by_the_models_gate() -> None:
    resources = changed(SERVICE, {"checkpoint": "acme/Llama-FP8"})
    assert outcome(resources, RULE) is Outcome.PASS
    without = resources | {TOKEN: changed(TOKEN, {"metadata.name": "something-else"})[TOKEN]}
    assert outcome(without, RULE) is Outcome.INDETERMINATE
    assert "whether acme/Llama-FP8 is gated" in messages(without, RULE)
