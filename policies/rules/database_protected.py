"""INF-REL-005: a production database is kept: deletion protection, a final snapshot, backups."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.about import required_environment
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    if not required_environment(context, resource).production:
        yield not_applicable("not production")
        return
    if view.flag("deletionProtection") is not True:
        yield fail("it can be deleted by one command")
    if view.flag("skipFinalSnapshot") is not False:
        yield fail("no snapshot is taken when it is deleted")
    if not (view.number("backupRetentionPeriod") or 0):
        yield fail("it has no backups")


RULE = ResourceRule(
    id="INF-REL-005",
    title="Production databases are kept",
    severity=Severity.HIGH,
    rationale="Without its database the gateway knows no key: every caller is locked out.",
    remediation="Set deletionProtection, skipFinalSnapshot: false and a backupRetentionPeriod.",
    url="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DeleteInstance.html",
    tags=("database", "backup"),
    frameworks=("SOC2 A1.2", "ISO 27001 A.8.13"),
    types=("aws:rds/instance:Instance", "aws:rds/cluster:Cluster"),
    check=check,
)
