"""INF-RES-011: the gateway that is deployed sends nothing to a backend that is not cleared for it."""

from __future__ import annotations

import pytest
from gateway_graphs import ADDRESS, BACKEND, BEDROCK, CONFIG, OPENAI, OWN, config, entry, gateway
from policy_graphs import compliant, messages, outcome

from inferstack.policy.types import Outcome
from inferstack.resources import UNKNOWN

RULE = "INF-RES-011"


def test_without_a_gateway_there_is_nothing_to_judge() -> None:
    assert outcome(compliant(), RULE) is Outcome.NOT_APPLICABLE


def test_what_synth_makes_passes() -> None:
    assert outcome(gateway(), RULE) is Outcome.PASS


def test_restricted_data_has_no_way_out_whatever_the_backend_is_cleared_for() -> None:
    backend = {**BACKEND, "maxClassification": "restricted"}
    resources = gateway(workload={"data.classification": "restricted", "fallback": [backend]})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "reachable for the restricted data of chat" in messages(resources, RULE)


def test_a_backend_cleared_for_less_fails() -> None:
    resources = gateway(workload={"fallback": [{**BACKEND, "maxClassification": "internal"}]})
    assert "is cleared for internal, requests may be confidential" in messages(resources, RULE)


WAYS = {
    "a member of the group": config(entry("chat", OWN), entry("chat", OPENAI)),
    "a fallback": config(entry("chat", OWN), entry("out", OPENAI), fallbacks=[{"chat": ["out"]}]),
    "a fallback's fallback": config(
        entry("chat", OWN),
        entry("chat-fallback-1", BEDROCK),
        entry("out", OPENAI),
        fallbacks=[{"chat": ["chat-fallback-1"]}, {"chat-fallback-1": ["out"]}],
    ),
    "too long a context": config(
        entry("chat", OWN), entry("out", OPENAI), fallbacks=[], context_window_fallbacks=[{"chat": ["out"]}]
    ),
    "a refused answer": config(
        entry("chat", OWN), entry("out", OPENAI), fallbacks=[], content_policy_fallbacks=[{"chat": ["out"]}]
    ),
    "everyone's fallback": config(
        entry("chat", OWN), entry("out", OPENAI), fallbacks=[], default_fallbacks=["out"]
    ),
    "anything's fallback": config(entry("chat", OWN), entry("out", OPENAI), fallbacks=[{"*": ["out"]}]),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_backend_that_no_workload_names_fails_by_whatever_way_it_is_reached(way: str) -> None:
    resources = gateway(WAYS[way])
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "chat: openai gpt-5 is reachable for chat, which does not name it" in messages(resources, RULE)


def test_an_unreachable_backend_is_no_way_out() -> None:
    assert (
        outcome(gateway(config(entry("chat", OWN), entry("out", OPENAI), fallbacks=[])), RULE) is Outcome.PASS
    )


def test_without_the_guard_callers_could_name_a_backend() -> None:
    document = config()
    document["litellm_settings"] = {}
    assert "the guard is not the one shipped" in messages(gateway(document), RULE)
    assert "the guard is not the one shipped" in messages(gateway(guard="guard = None"), RULE)


def test_an_address_of_the_cluster_that_is_no_model_server_is_undecided() -> None:
    other = {**OWN, "api_base": "http://elsewhere.other.svc.cluster.local:8000/v1"}
    resources = gateway(config(entry("chat", other)))
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "is not a model server of this stack" in messages(resources, RULE)


@pytest.mark.parametrize("document", [UNKNOWN, "model_list: [", "- a list"])
def test_a_configuration_that_cannot_be_read_is_undecided(document: object) -> None:
    assert outcome(gateway(document), RULE) is Outcome.INDETERMINATE


def test_a_gateway_without_a_configuration_is_undecided() -> None:
    resources = gateway()
    del resources[CONFIG]
    assert outcome(resources, RULE) is Outcome.INDETERMINATE


def test_a_model_server_without_a_service_is_undecided() -> None:
    resources = gateway()
    del resources[ADDRESS]
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
