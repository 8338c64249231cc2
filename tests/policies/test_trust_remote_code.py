"""INF-SEC-010: a model's repository does not get to run code."""

from __future__ import annotations

from policy_graphs import DEPLOYMENT, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-SEC-010"


def test_plain_arguments_pass() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_the_flag_fails() -> None:
    resources = changed(DEPLOYMENT, {"spec.template.spec.containers.0.args": ["--trust-remote-code"]})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "--trust-remote-code" in messages(resources, RULE)


def test_the_flag_with_underscores_fails() -> None:
    resources = changed(DEPLOYMENT, {"spec.template.spec.containers.0.args": ["--trust_remote_code=true"]})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "--trust-remote-code" in messages(resources, RULE)


def test_the_flag_inside_a_shell_line_fails() -> None:
    resources = changed(
        DEPLOYMENT,
        {"spec.template.spec.containers.0.command": ["sh", "-c", "vllm serve m --trust-remote-code"]},
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "--trust-remote-code" in messages(resources, RULE)


def test_the_flag_switched_off_passes() -> None:
    resources = changed(DEPLOYMENT, {"spec.template.spec.containers.0.args": ["--trust-remote-code=false"]})
    assert outcome(resources, RULE) is Outcome.PASS
