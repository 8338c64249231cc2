"""INF-SEC-005: no role or policy of the stack may do everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inferstack.policy.statements import allows, is_admin, is_allow, on_everything, statements
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View

MANAGED: Final = ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess")
ATTACHED: Final = ("policyArn", "policyArns", "managedPolicyArns")
ESCALATIONS: Final = (
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:AttachGroupPolicy",
    "iam:CreatePolicyVersion",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
)
"""Each lets whoever may do it on every identity give itself every right."""


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource, context
    for key in ATTACHED:
        for arn in view.texts(key):
            if arn.rpartition("/")[2].startswith(MANAGED):
                yield fail(f"attaches {arn.rpartition('/')[2]}")
    for holder in (view, *view.views("inlinePolicies")):
        for statement in statements(holder, "policy"):
            yield from _judge(statement)
    for statement in statements(view, "assumeRolePolicy"):
        if is_allow(statement) and _anyone(statement) and not statement.has("Condition"):
            yield fail("lets anyone assume it")


def _judge(statement: View) -> Iterator[Verdict]:
    if is_admin(statement):
        yield fail("allows every action on every resource")
    elif allows(statement, "iam:*"):
        yield fail("allows every IAM action, which is a way to every other right")
    elif on_everything(statement):
        for action in ESCALATIONS:
            if allows(statement, action):
                yield fail(f"allows {action} on every identity, which is a way to every other right")
                return


def _anyone(statement: View) -> bool:
    """Principal ``*``, alone or as an AWS account."""
    if statement.get("Principal") == "*":
        return True
    return statement.has("Principal") and "*" in statement.view("Principal").texts("AWS")


RULE = ResourceRule(
    id="INF-SEC-005",
    title="No IAM identity may do everything",
    severity=Severity.CRITICAL,
    rationale=(
        "Serving needs to read one bucket; a role that may do everything turns one bug into the whole "
        "account."
    ),
    remediation="Name the actions and resources that are needed.",
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
    tags=("iam",),
    frameworks=("CIS AWS 1.16", "SOC2 CC6.3"),
    types=(
        "aws:iam/policy:Policy",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:iam/role:Role",
        "aws:iam/userPolicy:UserPolicy",
        "aws:iam/groupPolicy:GroupPolicy",
        "aws:iam/userPolicyAttachment:UserPolicyAttachment",
        "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
        "aws:iam/policyAttachment:PolicyAttachment",
        "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
    ),
    check=check,
)
