"""What a preflight says: findings with their fix, and the report made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

    from inferstack.catalog.load import Catalog
    from inferstack.engine.backend import Backend
    from inferstack.preflight.aws import Account
    from inferstack.preflight.needs import Needs


class Status(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    """It could not be established; never taken as ok."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing a check found: what, where, and what to do about it."""

    check: str
    status: Status
    what: str
    where: str
    fix: str | None = None


Resolver = Callable[[str], tuple[str, ...]]
"""Addresses of a host name; empty when it has none. OSError when the name service does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Everything a check may look at."""

    needs: Needs
    account: Account
    catalog: Catalog
    backend: Backend
    today: dt.date
    resolve: Resolver
    ask_hub: bool = False
    """Whether Hugging Face may be asked."""
    ask_registries: bool = False
    """Whether image registries may be asked."""
    held: frozenset[str] | None = None
    """Ids of what the stack's state holds; None: the state was not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A question about the account. ``online`` checks ask AWS; they say nothing of a wrong account."""

    id: str
    title: str
    run: Callable[[Subject], Iterable[Finding]]
    online: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All findings, in the order of the checks."""

    environment: str
    account: str
    region: str
    identity: str
    """ARN of the credentials that asked."""
    findings: tuple[Finding, ...]

    def with_status(self, status: Status) -> tuple[Finding, ...]:
        return tuple(found for found in self.findings if found.status is status)

    @property
    def failed(self) -> bool:
        return bool(self.with_status(Status.FAIL))

    @property
    def undecided(self) -> bool:
        return bool(self.with_status(Status.UNKNOWN))
