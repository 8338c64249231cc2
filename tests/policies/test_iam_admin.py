"""INF-SEC-005: no role or policy of the stack may do everything."""

from __future__ import annotations

import json

import pytest
from policy_graphs import ROLE_POLICY, allow, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome
from inferstack.resources import UNKNOWN
from policies.rules import iam_admin

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


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ({"Action": "*:*", "Resource": "arn:aws:*"}, "every action on every resource"),
        ({"Action": "**", "Resource": ["x", "*"]}, "every action on every resource"),
        ({"NotAction": "s3:DeleteBucket", "Resource": "*"}, "every action on every resource"),
        ({"Action": "*", "NotResource": "arn:aws:s3:::x"}, "every action on every resource"),
        ({"Action": "IAM:*", "Resource": "arn:aws:iam::123456789012:role/x"}, "every IAM action"),
        ({"Action": ["s3:GetObject", "iam:putrolepolicy"], "Resource": "*"}, "iam:PutRolePolicy on every"),
        ({"Action": "iam:Attach*", "Resource": "*"}, "iam:AttachRolePolicy on every"),
    ],
)
def test_other_ways_to_everything_fail_too(statement: dict[str, object], message: str) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
    resources = changed(ROLE_POLICY, {"policy": policy})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert message in messages(resources, RULE)


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": "iam:PutRolePolicy", "Resource": "arn:aws:iam::123456789012:role/one"},
        {"Action": "s3:*", "Resource": "arn:aws:s3:::bucket/*"},
        {"NotAction": "iam:*", "Resource": "arn:aws:s3:::bucket"},
    ],
)
def test_what_is_bounded_passes(statement: dict[str, object]) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
    assert outcome(changed(ROLE_POLICY, {"policy": policy}), RULE) is Outcome.PASS


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["123456789012", "*"]}])
def test_a_role_for_anyone_fails(principal: object) -> None:
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    resources = changed(ROLE_POLICY, {"assumeRolePolicy": json.dumps({"Statement": [trust]})})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "lets anyone assume it" in messages(resources, RULE)
    bounded = trust | {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}
    resources = changed(ROLE_POLICY, {"assumeRolePolicy": json.dumps({"Statement": [bounded]})})
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_trust_that_is_not_known_yet_is_not_passed() -> None:
    resources = changed(ROLE_POLICY, {"assumeRolePolicy": UNKNOWN})
    assert outcome(resources, RULE) is Outcome.INDETERMINATE


def test_every_kind_of_attachment_is_looked_at() -> None:
    kinds = {kind.rpartition(":")[2] for kind in iam_admin.RULE.types}
    attachments = {
        "RolePolicyAttachment",
        "UserPolicyAttachment",
        "GroupPolicyAttachment",
        "PolicyAttachment",
    }
    assert attachments <= kinds
    assert {"Policy", "Role", "RolePolicy", "UserPolicy", "GroupPolicy"} <= kinds
