"""INF-SEC-012: vLLM is not older than the last release with known holes closed."""

from __future__ import annotations

from policy_graphs import DEPLOYMENT, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-SEC-012"


def test_the_current_release_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_the_floor_passes() -> None:
    resources = changed(
        DEPLOYMENT, {"spec.template.spec.containers.0.image": "vllm/vllm-openai:v0.32.0-x86_64"}
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_below_the_floor_fails() -> None:
    resources = changed(DEPLOYMENT, {"spec.template.spec.containers.0.image": "vllm/vllm-openai:v0.31.9"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "vLLM 0.31.9, older than 0.32.0" in messages(resources, RULE)


def test_an_old_image_of_aws_fails() -> None:
    resources = changed(
        DEPLOYMENT,
        {
            "spec.template.spec.containers.0.image": "public.ecr.aws/deep-learning-containers/vllm:0.21.0-gpu-py312"
        },
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "0.21.0" in messages(resources, RULE)


def test_a_tag_without_a_version_cannot_be_cleared() -> None:
    resources = changed(DEPLOYMENT, {"spec.template.spec.containers.0.image": "vllm/vllm-openai:nightly"})
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "not established" in messages(resources, RULE)


def test_another_image_is_not_vllm() -> None:
    resources = changed(DEPLOYMENT, {"spec.template.spec.containers.0.image": "litellm/litellm:v1.0.0"})
    assert outcome(resources, RULE) is Outcome.PASS
