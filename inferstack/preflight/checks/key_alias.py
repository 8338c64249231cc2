"""Aliases of KMS keys are unique in a region."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.preflight.needs import OWN_TAG, Named
from inferstack.preflight.types import Check, Finding, Status, Subject


def _run(subject: Subject) -> Iterator[Finding]:
    for alias in subject.needs.key_aliases:
        key = _key_of(alias, subject)
        own = key is not None and _own(key, alias, subject)
        taken = key is not None and not own
        state = "is free" if key is None else "is this environment's" if own else "points to another key"
        yield Finding(
            check="key-alias",
            status=Status.FAIL if taken else Status.OK,
            what=f"{alias.name} {state}",
            where=alias.region,
            fix=f"aws kms delete-alias --alias-name {alias.name} --region {alias.region}, or secrets.kmsKey"
            if taken
            else None,
        )


def _key_of(alias: Named, subject: Subject) -> str | None:
    """Id of the key behind an alias; None when there is no such alias."""
    found = subject.account.pages("kms", "list_aliases", "Aliases", region=alias.region)
    return next((one.get("TargetKeyId", "") for one in found if one["AliasName"] == alias.name), None)


def _own(key: str, alias: Named, subject: Subject) -> bool:
    if not key:
        return False
    tags = subject.account.pages("kms", "list_resource_tags", "Tags", region=alias.region, KeyId=key)
    return any(tag["TagKey"] == OWN_TAG and tag["TagValue"] == subject.needs.environment for tag in tags)


KEY_ALIAS = Check(id="key-alias", title="Key alias is free or ours", run=_run)
