"""Bucket names are global: free, this environment's own, or taken."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.preflight.aws import ApiError
from inferstack.preflight.needs import OWN_TAG, Named
from inferstack.preflight.types import Check, Finding, Status, Subject

_RENAME = "another name in modelStore.bucket, or modelStore.existingBucket to use that one"


def _run(subject: Subject) -> Iterator[Finding]:
    for bucket in subject.needs.buckets:
        status, what, fix = _judge(bucket, subject)
        yield Finding(
            check="bucket", status=status, what=f"{bucket.name} {what}", where=bucket.region, fix=fix
        )


def _judge(bucket: Named, subject: Subject) -> tuple[Status, str, str | None]:
    try:
        subject.account.call("s3", "head_bucket", region=bucket.region, Bucket=bucket.name)
    except ApiError as error:
        if error.code in ("404", "NoSuchBucket"):
            return Status.OK, "is free", None
        if error.code in ("403", "AccessDenied"):
            return Status.FAIL, "belongs to another account, or these credentials may not see it", _RENAME
        if error.code in ("301", "PermanentRedirect"):
            return Status.FAIL, f"is there, in another region than {bucket.region}", _RENAME
        raise
    if _tags(bucket, subject).get(OWN_TAG) != subject.needs.environment:
        return Status.FAIL, "is there and not of this environment", _RENAME
    if subject.held is not None and bucket.name not in subject.held:
        fix = f"modelStore.existingBucket: {bucket.name} uses it as it is"
        return Status.FAIL, "was kept by an earlier `destroy`, and is not in the state", fix
    return Status.OK, "is this environment's", None


def _tags(bucket: Named, subject: Subject) -> dict[str, str]:
    try:
        answer = subject.account.call("s3", "get_bucket_tagging", region=bucket.region, Bucket=bucket.name)
    except ApiError as error:
        if error.code == "NoSuchTagSet":
            return {}
        raise
    return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}


BUCKET = Check(id="bucket", title="Bucket names are free or ours", run=_run)
