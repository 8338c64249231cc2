"""A policy report as text for people: the verdict first, then what blocks, warns, is open and is waived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from inferstack.policy.sarif import message
from inferstack.policy.types import Finding, Outcome, PolicyReport, Rule, Status

_HEADINGS = {
    Status.BLOCKED: "blocks",
    Status.OPEN: "undecided (the environment is not strict)",
    Status.WARNED: "warns",
    Status.WAIVED: "waived",
}


def verdict_line(report: PolicyReport) -> str:
    """``prod-eu: blocked by 2 findings; 31 rules passed, 1 warned, 0 waived``."""
    outcomes = Counter(result.outcome for result in report.rules)
    blocked = report.with_status(Status.BLOCKED)
    verdict = f"blocked by {_count(len(blocked), 'finding')}" if blocked else "passes"
    tail = [f"{_count(outcomes[Outcome.PASS], 'rule')} passed"]
    if outcomes[Outcome.NOT_APPLICABLE]:
        tail.append(f"{outcomes[Outcome.NOT_APPLICABLE]} not applicable")
    for status, word in ((Status.WARNED, "warnings"), (Status.OPEN, "undecided"), (Status.WAIVED, "waived")):
        if found := report.with_status(status):
            tail.append(f"{len(found)} {word if len(found) != 1 else word.removesuffix('s')}")
    return f"{report.environment}: {verdict}; {', '.join(tail)}"


def report_lines(report: PolicyReport) -> Iterator[str]:
    """The whole report, line by line, without colours."""
    yield verdict_line(report)
    for status, heading in _HEADINGS.items():
        found = report.with_status(status)
        if found:
            yield ""
            yield f"  {heading}"
            for _, same in groupby(found, key=lambda finding: finding.rule):
                yield from _rule_lines(tuple(same))
    for waiver in report.unused_waivers:
        yield ""
        yield f"  waiver not used: {waiver.rule} for {waiver.scope} ({waiver.owner}, until {waiver.expires})"


def _rule_lines(findings: tuple[Finding, ...]) -> Iterator[str]:
    first = findings[0]
    yield f"    {first.rule}  {first.title}  [{first.severity}, {first.level}]"
    for finding in findings:
        yield f"      {message(finding)}"
        if finding.waiver:
            waiver = finding.waiver
            yield f"        waived by {waiver.owner} until {waiver.expires}: {waiver.reason}"
    if first.status is not Status.WAIVED:
        yield f"      fix: {first.remediation}"


def rules_lines(rules: Iterable[Rule]) -> Iterator[str]:
    """One line a rule, grouped by family."""
    ordered = sorted(rules, key=lambda rule: (rule.family, rule.id))
    for family, members in groupby(ordered, key=lambda rule: rule.family):
        yield family
        for rule in members:
            yield f"  {rule.id}  {rule.severity:<8}  {rule.level:<9}  {rule.title}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def blocking_lines(report: PolicyReport) -> Iterator[str]:
    """The verdict and only what blocks."""
    yield verdict_line(report)
    for finding in report.with_status(Status.BLOCKED):
        yield f"  {finding.rule}  {message(finding)}"
