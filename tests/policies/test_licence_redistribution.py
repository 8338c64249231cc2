"""INF-LIC-007: weights and derivatives leave the company only where the licence allows it."""

from __future__ import annotations

from policy_graphs import SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-LIC-007"


def test_weights_that_stay_are_not_judged() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE


def test_redistribution_under_llama_passes() -> None:
    resources = changed(SERVICE, {"usage.redistributes": True})
    assert outcome(resources, RULE) is Outcome.PASS


def test_redistribution_of_a_proprietary_model_fails() -> None:
    resources = changed(
        SERVICE, {"model": "mistral-medium-2505", "usage.redistributes": True}, without=("licence",)
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "forbids" in messages(resources, RULE)


def test_commercial_redistribution_under_a_research_licence_fails() -> None:
    resources = changed(
        SERVICE,
        {"model": "mistralai/Mistral-Large-Instruct-2411", "usage.redistributes": True},
        without=("licence",),
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "commercially" in messages(resources, RULE)


def test_research_redistribution_under_a_research_licence_passes() -> None:
    resources = changed(
        SERVICE,
        {
            "model": "mistralai/Mistral-Large-Instruct-2411",
            "usage.redistributes": True,
            "usage.commercial": False,
        },
        without=("licence",),
    )
    assert outcome(resources, RULE) is Outcome.PASS
