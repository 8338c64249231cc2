"""INF-SEC-013: databases are encrypted, and have no public address."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource, context
    if view.flag("storageEncrypted") is not True:
        yield fail("its storage is not encrypted")
    if view.flag("publiclyAccessible") is True:
        yield fail("it has a public address")


RULE = ResourceRule(
    id="INF-SEC-013",
    title="Databases are encrypted and private",
    severity=Severity.CRITICAL,
    rationale="The gateway's database holds the hashes of all keys, who spends what, and which team asks.",
    remediation="Set storageEncrypted to true and publiclyAccessible to false.",
    url="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.html",
    tags=("database", "encryption"),
    frameworks=("CIS AWS 2.3.1", "SOC2 CC6.1"),
    types=("aws:rds/instance:Instance", "aws:rds/cluster:Cluster"),
    check=check,
)
