"""Prometheus rules as small typed values, and the documents they become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from components import kube

Severity = Literal["critical", "warning", "info"]
RUNBOOKS: Final = "docs/runbooks"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """``name`` has a page under docs/runbooks."""

    name: str
    expr: str
    severity: Severity
    summary: str
    hold: str = "0m"
    """How long it must be true."""

    def document(self, labels: Mapping[str, str], runbooks: str) -> dict[str, Any]:
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.hold,
            "labels": {"severity": self.severity, **labels},
            "annotations": {"summary": self.summary, "runbook_url": f"{runbooks}/{self.name}.md"},
        }


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A series computed once and read by alerts and dashboards."""

    name: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def document(self, labels: Mapping[str, str], runbooks: str) -> dict[str, Any]:
        del runbooks
        shared = {"workload": labels["workload"]} if "workload" in labels else {}
        return {"record": self.name, "expr": self.expr, "labels": {**shared, **self.labels}}


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rules evaluated in order: a recording is there for those after it."""

    name: str
    rules: tuple[Alert | Recording, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    """On every alert of the group; recordings take the workload only."""

    def document(self, runbooks: str) -> dict[str, Any]:
        return {
            "name": f"inferstack.{self.name}",
            "rules": [rule.document(self.labels, runbooks) for rule in self.rules],
        }


def rule_spec(groups: Sequence[Group], runbooks: str = RUNBOOKS) -> dict[str, Any]:
    """The spec of a PrometheusRule, or a rules file."""
    return {"groups": [group.document(runbooks.rstrip("/")) for group in groups if group.rules]}


def prometheus_rule(name: str, namespace: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = kube.Metadata(name=name, namespace=namespace)
    return kube.manifest("monitoring.coreos.com/v1", "PrometheusRule", metadata, spec=spec)


def alerts(groups: Sequence[Group]) -> Iterator[Alert]:
    for group in groups:
        yield from (rule for rule in group.rules if isinstance(rule, Alert))


def alert_names(groups: Sequence[Group]) -> tuple[str, ...]:
    return tuple(sorted({alert.name for alert in alerts(groups)}))
