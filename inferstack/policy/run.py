"""Applying rules to resources. Pure: the same resources, rules, facts and day give the same report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TypeVar

from inferstack.facts import EnvironmentFacts, environment_of, environments, workload_of
from inferstack.policy import waivers as waiving
from inferstack.policy.types import (
    Context,
    EnvironmentRule,
    Finding,
    Knowledge,
    Level,
    Outcome,
    PolicyReport,
    ResourceRule,
    Rule,
    RuleResult,
    Status,
    Verdict,
    Waiver,
)
from inferstack.resources import Resource, ResourceIndex, index
from inferstack.view import Undecided, View, secret_texts

_WORST_FIRST = (Outcome.FAIL, Outcome.INDETERMINATE, Outcome.PASS, Outcome.NOT_APPLICABLE)
_STATUS_ORDER = (Status.BLOCKED, Status.OPEN, Status.WARNED, Status.WAIVED)
_MIN_SECRET_LENGTH = 4
"""Shorter secrets (a digit, "no") would blank out half the message and hide nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How an environment wants its findings treated. Without an environment: as strict as can be."""

    environment: str = "(no environment)"
    strict: bool = True
    level: Level = Level.MANDATORY
    waivers: tuple[Waiver, ...] = ()


def settings_of(facts: EnvironmentFacts | None) -> Settings:
    """What cannot be read falls back to the strict side; the governance rules say what could not be read."""
    if facts is None:
        return Settings()
    return Settings(
        environment=_read(lambda: facts.name, "(unnamed)"),
        strict=_read(lambda: facts.strict, True),
        level=_read(lambda: Level(facts.level), Level.MANDATORY),
        waivers=_read(lambda: waiving.waivers(facts.waivers), ()),
    )


_T = TypeVar("_T")


def _read(fact: Callable[[], _T], fallback: _T) -> _T:
    try:
        return fact()
    except (Undecided, ValueError):
        return fallback


def verdicts(rule: Rule, resource: Resource | None, context: Context) -> tuple[Verdict, ...]:
    """What a rule says of one resource (or of everything): never empty, an unknown value is indeterminate."""
    if isinstance(rule, ResourceRule):
        assert resource is not None
        said = rule.check(View(resource.inputs), resource, context)
    else:
        assert isinstance(rule, EnvironmentRule)
        said = rule.check(context)
    found: list[Verdict] = []
    try:
        found.extend(said)
    except Undecided as undecided:
        found.append(Verdict(Outcome.INDETERMINATE, undecided.reason))
    return tuple(found) or (Verdict(Outcome.PASS, ""),)


def applies(rule: Rule, resource: Resource) -> bool:
    return isinstance(rule, ResourceRule) and any(
        fnmatchcase(resource.type, pattern) for pattern in rule.types
    )


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where rules are applied: the resources, the facts and the day."""

    resources: ResourceIndex
    knowledge: Knowledge
    today: dt.date
    strict: bool | None = None
    """Overrides what the environments say."""
    waivers: tuple[Waiver, ...] = ()
    """Beside those that the environments carry."""

    @cached_property
    def context(self) -> Context:
        return Context(knowledge=self.knowledge, today=self.today, resources=self.resources)

    @cached_property
    def _first(self) -> EnvironmentFacts | None:
        return next(environments(self.resources), None)

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        found = {text for resource in self.resources for text in secret_texts(resource.inputs)}
        return tuple(
            sorted((text for text in found if len(text) >= _MIN_SECRET_LENGTH), key=len, reverse=True)
        )

    def settings(self, resource: Resource | None) -> Settings:
        facts = environment_of(self.resources, resource) if resource is not None else self._first
        settings = settings_of(facts)
        strict = settings.strict if self.strict is None else self.strict
        return replace(settings, strict=strict, waivers=(*settings.waivers, *self.waivers))

    def findings(self, rule: Rule, resource: Resource | None = None) -> tuple[Finding, ...]:
        """Fails and indeterminates of one rule on one resource (or on everything), settled."""
        said = verdicts(rule, resource, self.context)
        return tuple(
            self.settle(rule, verdict, resource)
            for verdict in said
            if verdict.outcome in (Outcome.FAIL, Outcome.INDETERMINATE)
        )

    def settle(self, rule: Rule, verdict: Verdict, resource: Resource | None) -> Finding:
        """What follows from a verdict: blocked, warned, waived or left open."""
        subject = self.resources.by_urn.get(verdict.urn) if verdict.urn else resource
        settings = self.settings(subject)
        finding = Finding(
            rule=rule.id,
            title=rule.title,
            severity=rule.severity,
            level=Level.ADVISORY if settings.level is Level.ADVISORY else rule.level,
            outcome=verdict.outcome,
            status=Status.OPEN,
            message=self.redact(verdict.message),
            urn=subject.urn if subject else verdict.urn,
            name=subject.name if subject else settings.environment,
            type=subject.type if subject else None,
            workload=workload_of(self.resources, subject) if subject else None,
            remediation=rule.remediation,
        )
        waiver = waiving.matching(settings.waivers, finding, self.today)
        return replace(finding, waiver=waiver, status=_status(finding, settings, waived=waiver is not None))

    def redact(self, message: str) -> str:
        """The message without the plain text of any secret in the stack."""
        for secret in self._secrets:
            message = message.replace(secret, "[secret]")
        return message


def _status(finding: Finding, settings: Settings, *, waived: bool) -> Status:
    if waived:
        return Status.WAIVED
    if finding.outcome is Outcome.INDETERMINATE and not settings.strict:
        return Status.OPEN
    return Status.BLOCKED if finding.level is Level.MANDATORY else Status.WARNED


def evaluate(
    resources: Sequence[Resource] | ResourceIndex,
    rules: Iterable[Rule],
    *,
    knowledge: Knowledge,
    today: dt.date,
    strict: bool | None = None,
    waivers: tuple[Waiver, ...] = (),
    only: Collection[str] = (),
) -> PolicyReport:
    """Judge every resource by every rule. ``only``: rule ids; ``strict`` None: as the environment says."""
    everything = resources if isinstance(resources, ResourceIndex) else index(resources)
    bench = Bench(resources=everything, knowledge=knowledge, today=today, strict=strict, waivers=waivers)
    chosen = [rule for rule in rules if not only or rule.id in only]
    judged = [_judge(rule, bench) for rule in chosen]
    findings = sorted((finding for _, found in judged for finding in found), key=_order)
    settings = bench.settings(None)
    used = {finding.waiver for finding in findings if finding.waiver}
    return PolicyReport(
        environment=settings.environment,
        strict=settings.strict,
        findings=tuple(findings),
        rules=tuple(result for result, _ in judged),
        unused_waivers=tuple(waiver for waiver in settings.waivers if waiver not in used) if not only else (),
    )


def _judge(rule: Rule, bench: Bench) -> tuple[RuleResult, tuple[Finding, ...]]:
    """One rule on all it applies to."""
    subjects = tuple(_subjects(rule, bench.resources))
    said = [(subject, verdict) for subject in subjects for verdict in verdicts(rule, subject, bench.context)]
    outcomes = {verdict.outcome for _, verdict in said} or {Outcome.NOT_APPLICABLE}
    worst = next(outcome for outcome in _WORST_FIRST if outcome in outcomes)
    reason = next((verdict.message for _, verdict in said if verdict.outcome is Outcome.NOT_APPLICABLE), None)
    if worst is Outcome.NOT_APPLICABLE and reason is None:
        reason = "nothing of its kind in the stack"
    findings = tuple(
        bench.settle(rule, verdict, subject)
        for subject, verdict in said
        if verdict.outcome in (Outcome.FAIL, Outcome.INDETERMINATE)
    )
    reason = reason if worst is Outcome.NOT_APPLICABLE else None
    return RuleResult(rule=rule.id, outcome=worst, subjects=len(subjects), reason=reason), findings


def _subjects(rule: Rule, resources: ResourceIndex) -> Iterator[Resource | None]:
    if isinstance(rule, EnvironmentRule):
        yield None
    else:
        yield from (resource for resource in resources if applies(rule, resource))


def _order(finding: Finding) -> tuple[int, str, str, str]:
    return (_STATUS_ORDER.index(finding.status), finding.rule, finding.urn or "", finding.message)
