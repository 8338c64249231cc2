"""Whether the credentials are those of the environment's account."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.preflight.types import Check, Finding, Status, Subject


def _run(subject: Subject) -> Iterator[Finding]:
    identity, wanted = subject.account.identity, subject.needs.account
    right = identity.account == wanted
    yield Finding(
        check="account",
        status=Status.OK if right else Status.FAIL,
        what=f"credentials are of account {identity.account}"
        + ("" if right else f", the environment is of {wanted}"),
        where=identity.arn,
        fix=None
        if right
        else f"use credentials of {wanted} (AWS_PROFILE), or correct cloud.account in the environment file",
    )


ACCOUNT = Check(id="account", title="Credentials are of the environment's account", run=_run, online=False)
