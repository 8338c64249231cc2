"""A policy report as SARIF 2.1.0, which code-scanning tools read.

Waived findings are kept with a suppression; open ones (indeterminate where the environment is not strict)
have kind ``open``. Locations are logical (the resource's URN); ``artifact`` names the file to open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from inferstack import __version__
from inferstack.policy.types import Finding, Level, Outcome, PolicyReport, Rule, Severity, Status

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_SECURITY_SEVERITY = {
    Severity.LOW: "3.0",
    Severity.MEDIUM: "5.5",
    Severity.HIGH: "8.0",
    Severity.CRITICAL: "9.5",
}
"""Numbers that code-scanning tools sort by: the middle of each CVSS band."""


def sarif(report: PolicyReport, rules: Iterable[Rule], *, artifact: str | None = None) -> dict[str, Any]:
    """The SARIF document as plain JSON data; ``artifact`` is a path relative to the repository."""
    ordered = sorted(rules, key=lambda rule: rule.id)
    position = {rule.id: place for place, rule in enumerate(ordered)}
    driver = {
        "name": "inferstack policy",
        "semanticVersion": __version__,
        "rules": [_rule(rule) for rule in ordered],
    }
    results = [_result(finding, position[finding.rule], artifact) for finding in report.findings]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "utf16CodeUnits", "results": results}],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.title.replace("-", " ").split()),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.rationale},
        "help": {"text": rule.remediation},
        "helpUri": rule.url,
        "defaultConfiguration": {"level": "error" if rule.level is Level.MANDATORY else "warning"},
        "properties": {
            "tags": [rule.family, *rule.tags, *rule.frameworks],
            "security-severity": _SECURITY_SEVERITY[rule.severity],
        },
    }


def _result(finding: Finding, rule_index: int, artifact: str | None) -> dict[str, Any]:
    is_open = finding.status is Status.OPEN
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "kind": "open" if is_open else "fail",
        "level": "none" if is_open else "error" if finding.level is Level.MANDATORY else "warning",
        "message": {"text": message(finding)},
        "locations": [_location(finding, artifact)],
        "partialFingerprints": {"inferstack/v1": _fingerprint(finding)},
    }
    if finding.waiver is not None:
        justification = (
            f"{finding.waiver.reason} ({finding.waiver.owner}, until {finding.waiver.expires.isoformat()})"
        )
        result["suppressions"] = [{"kind": "external", "justification": justification}]
    return result


def _location(finding: Finding, artifact: str | None) -> dict[str, Any]:
    logical = {"name": finding.name, "kind": "resource"}
    if finding.urn:
        logical["fullyQualifiedName"] = finding.urn
    location: dict[str, Any] = {"logicalLocations": [logical]}
    if artifact:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": artifact, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 1},
        }
    return location


def message(finding: Finding) -> str:
    """The finding in one sentence; an indeterminate one says that it could not be decided."""
    prefix = "cannot be decided: " if finding.outcome is Outcome.INDETERMINATE else ""
    kind = f" ({finding.type.rpartition(':')[2]})" if finding.type else ""
    return f"{finding.name}{kind}: {prefix}{finding.message}"


def _fingerprint(finding: Finding) -> str:
    """Stable while rule, resource and outcome stay, whatever the wording."""
    text = "\n".join((finding.rule, finding.urn or finding.name, finding.outcome))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
