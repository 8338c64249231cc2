"""INF-SEC-011: vLLM's development endpoints are off."""

from __future__ import annotations

from policy_graphs import DEPLOYMENT, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-SEC-011"


def test_no_switch_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_the_switch_on_fails() -> None:
    resources = changed(
        DEPLOYMENT, {"spec.template.spec.containers.0.env": [{"name": "VLLM_SERVER_DEV_MODE", "value": "1"}]}
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "sets VLLM_SERVER_DEV_MODE" in messages(resources, RULE)


def test_the_switch_off_passes() -> None:
    resources = changed(
        DEPLOYMENT, {"spec.template.spec.containers.0.env": [{"name": "VLLM_SERVER_DEV_MODE", "value": "0"}]}
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_value_from_elsewhere_fails() -> None:
    resources = changed(
        DEPLOYMENT,
        {
            "spec.template.spec.containers.0.env": [
                {"name": "VLLM_SERVER_DEV_MODE", "valueFrom": {"configMapKeyRef": {"name": "x"}}}
            ]
        },
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "sets" in messages(resources, RULE)
