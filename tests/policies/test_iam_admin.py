"""INF-SEC-005: no role or policy of the stack may do everything."""

from __future__ import annotations

from policy_graphs import ROLE_POLICY, allow, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-SEC-005"


def test_a_narrow_policy_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_everything_on_everything_fails() -> None:
    resources = changed(ROLE_POLICY, {"policy": allow(["*"], ["*"])})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "every action on every resource" in messages(resources, RULE)


def test_every_iam_action_fails() -> None:
    resources = changed(ROLE_POLICY, {"policy": allow(["iam:*"], ["*"])})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "every IAM action" in messages(resources, RULE)


def test_the_administrator_policy_fails() -> None:
    resources = changed(ROLE_POLICY, {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "attaches AdministratorAccess" in messages(resources, RULE)


def test_everything_denied_passes() -> None:
    resources = changed(
        ROLE_POLICY, {"policy": '{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}'}
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_an_inline_policy_is_read_too() -> None:
    resources = changed(ROLE_POLICY, {"inlinePolicies": [{"policy": allow(["*"], ["*"])}]})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "every action on every resource" in messages(resources, RULE)
