"""INF-SEC-007: images and charts are pinned to a version."""

from __future__ import annotations

from policy_graphs import CHART, DEPLOYMENT, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-SEC-007"


def test_a_version_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_digest_passes() -> None:
    resources = changed(
        DEPLOYMENT,
        {
            "spec.template.spec.containers.0.image": "vllm/vllm-openai@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        },
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_no_tag_fails() -> None:
    resources = changed(DEPLOYMENT, {"spec.template.spec.containers.0.image": "vllm/vllm-openai"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "a name that can move" in messages(resources, RULE)


def test_a_port_is_not_a_tag() -> None:
    resources = changed(DEPLOYMENT, {"spec.template.spec.containers.0.image": "registry.local:5000/vllm"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "a name that can move" in messages(resources, RULE)


def test_latest_fails() -> None:
    resources = changed(DEPLOYMENT, {"spec.template.spec.containers.0.image": "vllm/vllm-openai:latest"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "a name that can move" in messages(resources, RULE)


def test_a_chart_without_a_version_fails() -> None:
    resources = changed(CHART, {}, without=("version",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "has no version" in messages(resources, RULE)


def test_nonsense_cannot_be_cleared() -> None:
    resources = changed(DEPLOYMENT, {"spec.template.spec.containers.0.image": "not an image"})
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "not an image reference" in messages(resources, RULE)
