"""INF-RES-006: private images come from registries in allowed regions."""

from __future__ import annotations

from policy_graphs import DEPLOYMENT, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-RES-006"


def test_public_images_pass() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_private_registry_inside_passes() -> None:
    resources = changed(
        DEPLOYMENT,
        {
            "spec.template.spec.containers.0.image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/vllm:v0.33.0"
        },
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_private_registry_outside_fails() -> None:
    resources = changed(
        DEPLOYMENT,
        {
            "spec.template.spec.containers.0.image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/vllm:v0.33.0"
        },
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "us-east-1" in messages(resources, RULE)
