"""Names in Secrets Manager: a deleted secret holds its name until its recovery window ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from inferstack.preflight.aws import ApiError
from inferstack.preflight.needs import OWN_TAG, Named
from inferstack.preflight.types import Check, Finding, Status, Subject


def _run(subject: Subject) -> Iterator[Finding]:
    for secret in subject.needs.secret_names:
        status, what, fix = _judge(secret, _existing(secret, subject), subject.needs.environment)
        yield Finding(
            check="secret-name", status=status, what=f"{secret.name} {what}", where=secret.region, fix=fix
        )


def _existing(secret: Named, subject: Subject) -> Mapping[str, Any] | None:
    try:
        return subject.account.call(
            "secretsmanager", "describe_secret", region=secret.region, SecretId=secret.name
        )
    except ApiError as error:
        if error.code == "ResourceNotFoundException":
            return None
        raise


def _judge(
    secret: Named, found: Mapping[str, Any] | None, environment: str
) -> tuple[Status, str, str | None]:
    if found is None:
        return Status.OK, "is free", None
    if found.get("DeletedDate") is not None:
        command = f"aws secretsmanager delete-secret --secret-id {secret.name} --region {secret.region}"
        fix = f"to be rid of it at once: {command} --force-delete-without-recovery"
        return Status.FAIL, "was deleted and holds its name until its recovery window ends", fix
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
    if tags.get(OWN_TAG) == environment:
        return Status.OK, "is this environment's", None
    return Status.FAIL, "is there and not of this environment", "another name for the environment"


SECRET_NAME = Check(id="secret-name", title="Secret names are free or ours", run=_run)
