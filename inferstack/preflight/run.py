"""Runs the checks side by side and gathers what they found; what AWS does not answer is unknown."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from inferstack.errors import InputError, Problem
from inferstack.preflight.aws import ApiError
from inferstack.preflight.types import Check, Finding, Report, Status, Subject
from inferstack.view import Undecided

AT_ONCE: Final = 8
Progress = Callable[[Check], None]


def resolve_host(host: str) -> tuple[str, ...]:
    """Addresses of a host by this machine's name service."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)):
            return ()
        raise
    return tuple(sorted({str(address[4][0]) for address in found}))


def choose(checks: Sequence[Check], only: Iterable[str]) -> tuple[Check, ...]:
    """The checks with these ids; all without any. InputError for an id that no check has."""
    wanted = tuple(only)
    known = [check.id for check in checks]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        accepted = ", ".join(known)
        raise InputError(
            *(Problem(message="no such check", value=name, accepted=accepted) for name in unknown)
        )
    return tuple(check for check in checks if not wanted or check.id in wanted)


def examine(subject: Subject, checks: Sequence[Check], progress: Progress = lambda _: None) -> Report:
    """Every check's findings. OutsideError without credentials that work, or without a network."""
    identity = subject.account.identity
    stranger = identity.account != subject.needs.account

    def ask(check: Check) -> tuple[Finding, ...]:
        if check.online and stranger:
            return (_not_asked(check, subject),)
        found = _findings(check, subject)
        progress(check)
        return found

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        found = [finding for findings in pool.map(ask, checks) for finding in findings]
    return Report(
        environment=subject.needs.environment,
        account=identity.account,
        region=subject.needs.region,
        identity=identity.arn,
        findings=tuple(found),
    )


def _findings(check: Check, subject: Subject) -> tuple[Finding, ...]:
    """What a check found before it was stopped stays; what stopped it is unknown."""
    found: list[Finding] = []
    try:
        found.extend(check.run(subject))
    except ApiError as error:
        found.append(_unknown(check, subject, str(error), error.fix))
    except (InputError, Undecided) as error:
        found.append(_unknown(check, subject, str(error), None))
    return tuple(found)


def _unknown(check: Check, subject: Subject, what: str, fix: str | None) -> Finding:
    return Finding(check=check.id, status=Status.UNKNOWN, what=what, where=subject.needs.region, fix=fix)


def _not_asked(check: Check, subject: Subject) -> Finding:
    return Finding(
        check=check.id,
        status=Status.UNKNOWN,
        what="not asked: the credentials are of another account",
        where=subject.needs.region,
    )
