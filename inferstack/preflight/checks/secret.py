"""Whether the stack has the secrets without which `up` refuses to start."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.preflight.types import Check, Finding, Status, Subject


def _run(subject: Subject) -> Iterator[Finding]:
    where = f"stack {subject.needs.environment}"
    for name in subject.needs.missing_secrets:
        yield Finding(
            check="secret",
            status=Status.FAIL,
            what=f"inferstack:{name} is not set",
            where=where,
            fix=f"pulumi config set --secret inferstack:{name} --stack {subject.needs.environment}"
            " (or inferstack:secretsInCluster: true)",
        )
    if not subject.needs.missing_secrets:
        yield Finding(check="secret", status=Status.OK, what="every secret it needs is set", where=where)


SECRET = Check(id="secret", title="Stack secrets are set", run=_run, online=False)
