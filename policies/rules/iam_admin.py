"""INF-SEC-005: no role or policy of the stack may do everything."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.statements import is_admin, is_allow, statements
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View

MANAGED = ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess")
DOCUMENTS = ("policy",)
ATTACHED = ("policyArn", "managedPolicyArns")


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource, context
    for key in ATTACHED:
        for arn in view.texts(key):
            if arn.rpartition("/")[2] in MANAGED:
                yield fail(f"attaches {arn.rpartition('/')[2]}")
    inline = view.views("inlinePolicies")
    for holder in (view, *inline):
        for statement in statements(holder, "policy"):
            if is_admin(statement):
                yield fail("allows every action on every resource")
            elif is_allow(statement) and "iam:*" in statement.texts("Action"):
                yield fail("allows every IAM action, which is a way to every other right")


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
    ),
    check=check,
)
