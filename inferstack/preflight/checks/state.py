"""Where the stack's state and the key of its secrets live, against the environment's residency."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.catalog.load import Catalog
from inferstack.errors import InputError
from inferstack.preflight.types import Check, Finding, Status, Subject

_KEEP = "resource names, network layout and encrypted secrets are in the state"


def _run(subject: Subject) -> Iterator[Finding]:
    backend = subject.backend
    where = backend.url or "this machine"
    if backend.kind == "none":
        fix = "pulumi login s3://BUCKET?region=REGION, pulumi login, or pulumi login --local"
        yield _finding(Status.WARN, "no state backend: nobody has logged in here", where, fix)
    elif backend.kind == "local":
        fix = "fine for a try; a team shares a bucket or Pulumi Cloud"
        yield _finding(Status.OK, "state is a folder of this machine", where, fix)
    elif backend.kind == "s3":
        region = backend.region or _bucket_region(subject)
        yield _place("the state bucket", region, where, subject)
    elif subject.needs.residency:
        what = f"where this backend keeps state is not established, and {_KEEP}"
        fix = f"a bucket in {' or '.join(subject.needs.residency)}: pulumi login s3://BUCKET?region=REGION"
        yield _finding(Status.WARN, what, where, fix)
    else:
        yield _finding(Status.OK, "state is in the backend that is logged in", where, None)
    if backend.key_region is not None:
        yield _place(
            "the key of the stack's secrets", backend.key_region, str(backend.secrets_provider), subject
        )


def _bucket_region(subject: Subject) -> str:
    answer = subject.account.call("s3", "get_bucket_location", Bucket=subject.backend.bucket)
    return answer.get("LocationConstraint") or "us-east-1"


def _place(what: str, region: str, where: str, subject: Subject) -> Finding:
    residency = subject.needs.residency
    if not residency or _allowed(region, residency, subject.catalog):
        return _finding(Status.OK, f"{what} is in {region}", where, None)
    allowed = " or ".join(residency)
    fix = f"one in {allowed}, such as {subject.needs.region}; pulumi stack export and import move the state"
    return _finding(Status.WARN, f"{what} is in {region}, outside {allowed}: {_KEEP}", where, fix)


def _allowed(region: str, residency: tuple[str, ...], catalog: Catalog) -> bool:
    try:
        return any(found.id == region for found in catalog.regions_for(residency))
    except InputError:
        return False


def _finding(status: Status, what: str, where: str, fix: str | None) -> Finding:
    return Finding(check="state", status=status, what=what, where=where, fix=fix)


STATE = Check(id="state", title="State and its key are where data may be", run=_run, online=False)
