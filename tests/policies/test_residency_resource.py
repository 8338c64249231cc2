"""INF-RES-002: a resource's own region, which overrides its provider's, is allowed too."""

from __future__ import annotations

from policy_graphs import BUCKET, SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-RES-002"


def test_resources_in_the_providers_region_pass() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_resource_of_another_region_fails() -> None:
    resources = changed(BUCKET, {"region": "us-east-1"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "us-east-1 is outside EU" in messages(resources, RULE)


def test_a_resource_of_another_region_inside_passes() -> None:
    resources = changed(BUCKET, {"region": "eu-west-1"})
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_component_that_says_another_region_fails() -> None:
    resources = changed(SERVICE, {"region": "us-west-2"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "us-west-2" in messages(resources, RULE)
