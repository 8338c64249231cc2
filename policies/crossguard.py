"""The rules as CrossGuard policies: same predicates, same outcomes, under `pulumi preview --policy-pack`.

The engine shows a policy one resource at a time, before it is created, and all resources at the end. The pack
remembers what it was shown (parents come before children), so that a rule on a resource can see the facts of
its environment, and rules on the whole judge the inputs, as they do offline, not what providers made of them.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy import Severity as PulumiSeverity
from pulumi_policy.proxy import UnknownValueError

from inferstack.policy.run import Bench, applies
from inferstack.policy.sarif import message
from inferstack.policy.types import (
    EnvironmentRule,
    Finding,
    Knowledge,
    Level,
    ResourceRule,
    Rule,
    Severity,
    Status,
)
from inferstack.resources import UNKNOWN, Resource, ResourceIndex

LEVELS: Final = {Level.MANDATORY: EnforcementLevel.MANDATORY, Level.ADVISORY: EnforcementLevel.ADVISORY}
SEVERITIES: Final = {
    Severity.LOW: PulumiSeverity.LOW,
    Severity.MEDIUM: PulumiSeverity.MEDIUM,
    Severity.HIGH: PulumiSeverity.HIGH,
    Severity.CRITICAL: PulumiSeverity.CRITICAL,
}
MEMORY: Final = "inferstack-memory"
NOTES: Final = "inferstack-notes"


def plain(value: Any) -> object:
    """Plain data of what the SDK hands over: its proxies raise on values that are not known yet."""
    if isinstance(value, Mapping):
        return {str(key): _element(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_element(value, position) for position in range(len(value))]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _element(container: Any, key: Any) -> object:
    try:
        return plain(container[key])
    except UnknownValueError:
        return UNKNOWN


def plain_inputs(props: Any) -> Mapping[str, object]:
    found = plain(props)
    assert isinstance(found, Mapping)
    return found


@dataclass
class Memory:
    """What the engine has shown in this run; safe to use from the analyzer's threads."""

    knowledge: Knowledge
    today: dt.date
    _resources: dict[str, Resource] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def remember(self, args: ResourceValidationArgs) -> Resource:
        """The resource as shown; what a preview left unknown is replaced when the update shows it again."""
        resource = Resource(
            urn=args.urn,
            type=args.resource_type,
            name=args.name,
            parent=args.opts.parent or None,
            inputs=plain_inputs(args.props),
            provider=args.provider.urn if args.provider else None,
        )
        with self._lock:
            self._resources[resource.urn] = resource
        return resource

    def recall(self, args: ResourceValidationArgs) -> Resource:
        with self._lock:
            found = self._resources.get(args.urn)
        return found or self.remember(args)

    def bench_above(self, resource: Resource) -> Bench:
        """A bench with the resource, everything above it, and its provider."""
        with self._lock:
            known = ResourceIndex(tuple(self._resources.values()))
        provider = known.provider(resource)
        chain = (resource, *known.ancestors(resource), *((provider,) if provider else ()))
        return self._bench(ResourceIndex(chain))

    def bench_of_all(self, args: StackValidationArgs) -> Bench:
        """A bench with all resources of the stack, with the inputs they were shown with."""
        with self._lock:
            known = dict(self._resources)
        return self._bench(
            ResourceIndex(tuple(_whole(shown, known.get(shown.urn)) for shown in args.resources))
        )

    def _bench(self, resources: ResourceIndex) -> Bench:
        return Bench(resources=resources, knowledge=self.knowledge, today=self.today)


def _whole(shown: Any, known: Resource | None) -> Resource:
    """A resource of the final list: dependencies from there, inputs from when it was shown by itself."""
    links = {
        key: tuple(sorted(found.urn for found in urns)) for key, urns in shown.property_dependencies.items()
    }
    base = known or Resource(
        urn=shown.urn, type=shown.resource_type, name=shown.name, inputs=plain_inputs(shown.props)
    )
    return replace(
        base,
        parent=shown.parent.urn if shown.parent else None,
        provider=shown.provider.urn if shown.provider else None,
        dependencies=tuple(sorted(found.urn for found in shown.dependencies)),
        property_dependencies={key: urns for key, urns in sorted(links.items()) if urns},
    )


def policies(rules: Sequence[Rule], memory: Memory) -> list[Policy]:
    """One policy a rule, after the one that remembers and before the one that reports what did not block."""
    made: list[Policy] = [_memory_policy(memory)]
    made += [_resource_policy(rule, memory) for rule in rules if isinstance(rule, ResourceRule)]
    made += [_stack_policy(rule, memory) for rule in rules if isinstance(rule, EnvironmentRule)]
    return [*made, _notes_policy(rules, memory)]


def violates(rule: Rule, finding: Finding) -> bool:
    """Whether the rule's own policy reports a finding: at its level, unless the environment lowered it."""
    if finding.status is Status.BLOCKED:
        return True
    return finding.status is Status.WARNED and rule.level is Level.ADVISORY


def _memory_policy(memory: Memory) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        del report
        memory.remember(args)

    return ResourceValidationPolicy(
        name=MEMORY,
        description=(
            "Remembers what is registered, so that rules see a resource's environment. Reports nothing."
        ),
        validate=validate,
        enforcement_level=EnforcementLevel.ADVISORY,
    )


def _resource_policy(rule: ResourceRule, memory: Memory) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        resource = memory.recall(args)
        if not applies(rule, resource):
            args.not_applicable("not a resource of this rule")
        for finding in memory.bench_above(resource).findings(rule, resource):
            if violates(rule, finding):
                report(sentence(finding), None)

    return ResourceValidationPolicy(validate=validate, **_description(rule))


def _stack_policy(rule: EnvironmentRule, memory: Memory) -> StackValidationPolicy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for finding in memory.bench_of_all(args).findings(rule):
            if violates(rule, finding):
                report(sentence(finding), finding.urn)

    return StackValidationPolicy(validate=validate, **_description(rule))


def _notes_policy(rules: Sequence[Rule], memory: Memory) -> StackValidationPolicy:
    """Findings that are waived, left open or lowered to a warning by the environment: never silent."""

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        bench = memory.bench_of_all(args)
        for rule in rules:
            subjects = [found for found in bench.resources if applies(rule, found)]
            for subject in subjects if isinstance(rule, ResourceRule) else [None]:
                for finding in bench.findings(rule, subject):
                    if not violates(rule, finding):
                        report(f"{rule.id} {finding.status}: {sentence(finding)}", finding.urn)

    return StackValidationPolicy(
        name=NOTES,
        description="Findings that do not block here: waived, undecided, or lowered by the environment.",
        validate=validate,
        enforcement_level=EnforcementLevel.ADVISORY,
    )


def sentence(finding: Finding) -> str:
    waiver = finding.waiver
    waived = f" (waived by {waiver.owner} until {waiver.expires}: {waiver.reason})" if waiver else ""
    return f"{message(finding)}{waived}. {finding.remediation}"


def _description(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.id,
        "display_name": rule.title,
        "description": rule.rationale,
        "enforcement_level": LEVELS[rule.level],
        "severity": SEVERITIES[rule.severity],
        "tags": [rule.family, *rule.tags, *rule.frameworks],
        "remediation_steps": rule.remediation,
        "url": rule.url,
    }
