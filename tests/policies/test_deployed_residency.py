"""INF-RES-012: the external backends in the deployed gateway's configuration compute inside the residency."""

from __future__ import annotations

import pytest
from gateway_graphs import BEDROCK, OPENAI, OWN, config, entry, gateway
from policy_graphs import compliant, messages, outcome

from inferstack.policy.types import Outcome
from inferstack.resources import UNKNOWN

RULE = "INF-RES-012"


def reaching(backend: dict[str, str]) -> dict[str, object]:
    return config(entry("chat", OWN), entry("chat-fallback-1", backend))


def test_without_a_gateway_there_is_nothing_to_judge() -> None:
    assert outcome(compliant(), RULE) is Outcome.NOT_APPLICABLE


def test_a_european_profile_called_in_europe_passes() -> None:
    assert outcome(gateway(), RULE) is Outcome.PASS


def test_without_external_backends_it_passes() -> None:
    assert outcome(gateway(config(entry("chat", OWN), fallbacks=[])), RULE) is Outcome.PASS


def test_the_region_that_is_deployed_counts_not_the_one_stated() -> None:
    resources = gateway(reaching({**BEDROCK, "aws_region_name": "us-east-1"}))
    assert "us-east-1 is outside EU" in messages(resources, RULE)


def test_an_american_profile_fails() -> None:
    resources = gateway(reaching({"model": "bedrock/us.anthropic.claude", "aws_region_name": "eu-central-1"}))
    assert outcome(resources, RULE) is Outcome.FAIL


def test_an_endpoint_outside_fails() -> None:
    address = "https://x.us-east-1.aws.endpoints.huggingface.cloud"
    resources = gateway(reaching({"model": "huggingface/tgi", "api_base": address}))
    assert outcome(resources, RULE) in (Outcome.FAIL, Outcome.INDETERMINATE)


def test_a_hosted_api_of_unknown_place_cannot_be_cleared() -> None:
    assert outcome(gateway(reaching(OPENAI)), RULE) is Outcome.INDETERMINATE


def test_the_workloads_own_residency_counts_too() -> None:
    resources = gateway(workload={"data.residency": ["DE"]})
    assert "computes anywhere in EU" in messages(resources, RULE)


@pytest.mark.parametrize("document", [UNKNOWN, "model_list: ["])
def test_a_configuration_that_cannot_be_read_is_undecided(document: object) -> None:
    assert outcome(gateway(document), RULE) is Outcome.INDETERMINATE
