"""The vocabulary of policy: rules, their three-and-a-half outcomes, findings and waivers.

A rule is a value: who it is, why it exists, and a pure check. A check yields verdicts; yielding none means
pass. Reading a value that is unknown raises ``Undecided`` inside the check, which the runner turns into
``indeterminate``: nothing passes by being unknown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from inferstack.resources import Resource, ResourceIndex

if TYPE_CHECKING:
    from inferstack.catalog.types import EksVersion, Licence, Model, Region
    from inferstack.view import View


class Outcome(StrEnum):
    PASS = "pass"  # noqa: S105 - an outcome, not a password
    FAIL = "fail"
    INDETERMINATE = "indeterminate"
    NOT_APPLICABLE = "not-applicable"


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Level(StrEnum):
    MANDATORY = "mandatory"
    """A finding blocks."""
    ADVISORY = "advisory"
    """A finding is reported."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing a check has to say; ``urn`` None means the resource judged, or the whole environment."""

    outcome: Outcome
    message: str
    urn: str | None = None


def fail(message: str, *, urn: str | None = None) -> Verdict:
    return Verdict(Outcome.FAIL, message, urn)


def indeterminate(message: str, *, urn: str | None = None) -> Verdict:
    return Verdict(Outcome.INDETERMINATE, message, urn)


def not_applicable(reason: str) -> Verdict:
    return Verdict(Outcome.NOT_APPLICABLE, reason)


class Knowledge(Protocol):
    """The facts that rules may consult; None (or empty): the catalog does not know."""

    def model(self, name: str) -> Model | None: ...

    def licence(self, id: str) -> Licence | None: ...  # noqa: A002 - the catalog's own word

    def region(self, id: str) -> Region | None: ...  # noqa: A002

    def regions(self) -> tuple[Region, ...]: ...

    def eks_version(self, version: str) -> EksVersion | None: ...


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a check may see besides the resource it judges."""

    knowledge: Knowledge
    today: dt.date
    resources: ResourceIndex
    """Environment rules: everything. Resource rules: what is above the resource, no more."""


ResourceCheck = Callable[["View", Resource, Context], Iterable[Verdict]]
EnvironmentCheck = Callable[[Context], Iterable[Verdict]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What every rule states about itself. ``id`` never changes once released."""

    id: str
    """``INF-LIC-001``: pack, family, number."""
    title: str
    severity: Severity
    rationale: str
    remediation: str
    url: str
    level: Level = Level.MANDATORY
    tags: tuple[str, ...] = ()
    frameworks: tuple[str, ...] = ()
    """``SOC2 CC6.1``, ``GDPR Art. 44``: where an auditor would look."""

    @property
    def family(self) -> str:
        return FAMILIES[self.id.split("-")[1]]


@dataclass(frozen=True, kw_only=True)
class ResourceRule(Rule):
    """Judges one resource from its own inputs and its environment's facts."""

    types: tuple[str, ...]
    """Type tokens, ``*`` allowed at the end."""
    check: ResourceCheck


@dataclass(frozen=True, kw_only=True)
class EnvironmentRule(Rule):
    """Judges all resources together."""

    check: EnvironmentCheck


FAMILIES = {
    "LIC": "licence",
    "PRO": "provenance",
    "RES": "residency",
    "SEC": "security",
    "REL": "reliability",
    "GPU": "serving hygiene",
    "CST": "cost",
    "GOV": "governance",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """An accepted exception: data with an owner, a reason and an end."""

    rule: str
    scope: str
    """Glob on a URN, a resource name or a workload."""
    owner: str
    reason: str
    expires: dt.date

    def expired(self, today: dt.date) -> bool:
        """It holds on its last day."""
        return today > self.expires


class Status(StrEnum):
    BLOCKED = "blocked"
    WARNED = "warned"
    WAIVED = "waived"
    OPEN = "open"
    """Indeterminate where the environment is not strict: shown, does not block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A fail or an indeterminate, and what follows from it."""

    rule: str
    title: str
    severity: Severity
    level: Level
    outcome: Outcome
    status: Status
    message: str
    urn: str | None
    name: str
    """Resource name, or the environment's; for people."""
    type: str | None
    workload: str | None
    remediation: str
    waiver: Waiver | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """How one rule ended: its worst outcome and on how many subjects it was applied."""

    rule: str
    outcome: Outcome
    subjects: int
    reason: str | None = None
    """Why it was not applicable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReport:
    """The verdict on one environment. ``findings`` are sorted: blocked first, then by rule and URN."""

    environment: str
    strict: bool
    findings: tuple[Finding, ...]
    rules: tuple[RuleResult, ...]
    unused_waivers: tuple[Waiver, ...] = field(default=())

    @property
    def blocked(self) -> bool:
        return any(finding.status is Status.BLOCKED for finding in self.findings)

    def with_status(self, status: Status) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.status is status)
