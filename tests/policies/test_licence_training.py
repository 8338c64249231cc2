"""INF-LIC-006: outputs train other models only where the licence allows it."""

from __future__ import annotations

from policy_graphs import SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-LIC-006"


def test_no_training_is_not_judged() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE


def test_training_under_llama_three_fails() -> None:
    resources = changed(
        SERVICE,
        {"model": "meta-llama/Meta-Llama-3-8B-Instruct", "usage.trainsOtherModels": True},
        without=("licence",),
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "forbids" in messages(resources, RULE)


def test_training_under_llama_three_one_passes() -> None:
    resources = changed(SERVICE, {"usage.trainsOtherModels": True})
    assert outcome(resources, RULE) is Outcome.PASS


def test_commercial_training_under_a_research_licence_fails() -> None:
    resources = changed(
        SERVICE,
        {"model": "CohereLabs/c4ai-command-r-plus", "usage.trainsOtherModels": True},
        without=("licence",),
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "commercially" in messages(resources, RULE)


def test_research_training_under_a_research_licence_passes() -> None:
    resources = changed(
        SERVICE,
        {
            "model": "CohereLabs/c4ai-command-r-plus",
            "usage.trainsOtherModels": True,
            "usage.commercial": False,
        },
        without=("licence",),
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_terms_that_were_not_established_cannot_be_cleared() -> None:
    resources = changed(
        SERVICE, {"model": "MiniMaxAI/MiniMax-M2.7", "usage.trainsOtherModels": True}, without=("licence",)
    )
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "not established" in messages(resources, RULE)
