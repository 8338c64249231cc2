"""INF-LIC-008: a notice of what the licence asks of those who serve it: display, notices, use policy."""

from __future__ import annotations

from policy_graphs import SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-LIC-008"


def test_a_licence_without_duties_passes() -> None:
    resources = changed(SERVICE, {"model": "mistralai/Mistral-7B-Instruct-v0.3"}, without=("licence",))
    assert outcome(resources, RULE) is Outcome.PASS


def test_llama_asks_for_its_name_to_be_shown() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "show 'Built with Llama'" in messages(resources, RULE)


def test_gemma_asks_to_pass_restrictions_on() -> None:
    resources = changed(SERVICE, {"model": "google/gemma-3-12b-it"}, without=("licence",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "pass the use restrictions on" in messages(resources, RULE)
