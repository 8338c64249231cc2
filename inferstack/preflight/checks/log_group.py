"""Log groups that are there already: EKS makes its own when a cluster writes before the group exists."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.preflight.needs import OWN_TAG, Named
from inferstack.preflight.types import Check, Finding, Status, Subject


def _run(subject: Subject) -> Iterator[Finding]:
    for group in subject.needs.log_groups:
        yield _judge(group, subject)


def _judge(group: Named, subject: Subject) -> Finding:
    found = subject.account.pages(
        "logs", "describe_log_groups", "logGroups", region=group.region, logGroupNamePrefix=group.name
    )
    arn = next((one["arn"] for one in found if one["logGroupName"] == group.name), None)
    if arn is None:
        return Finding(check="log-group", status=Status.OK, what=f"{group.name} is free", where=group.region)
    answer = subject.account.call(
        "logs", "list_tags_for_resource", region=group.region, resourceArn=arn.removesuffix(":*")
    )
    own = answer.get("tags", {}).get(OWN_TAG) == subject.needs.environment
    command = f"aws logs delete-log-group --log-group-name {group.name} --region {group.region}"
    return Finding(
        check="log-group",
        status=Status.OK if own else Status.FAIL,
        what=f"{group.name} is this environment's"
        if own
        else f"{group.name} is there and not of this environment",
        where=group.region,
        fix=None if own else f"if nobody reads it: {command}",
    )


LOG_GROUP = Check(id="log-group", title="Log group names are free or ours", run=_run)
