"""Every alert has its page and every page its alert; the queries on the pages are real."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from components.metrics import load_metrics
from components.rules import RUNBOOKS, Alert
from components.rules_cost import cost_rules
from components.rules_failures import failure_rules
from components.rules_platform import gateway_rules, gpu_rules, monitoring_rules
from components.rules_rollout import rollout_rules
from components.rules_router import router_rules
from components.rules_slo import slo_rules
from components.watch import Watched
from inferstack.spec.derive import Limits
from tests.components import builders
from tests.example_graphs import EXAMPLES, ROOT, graph
from tests.queries.collect import queries
from tests.queries.lint import Query, lint

PAGES = ROOT / RUNBOOKS
INDEX = PAGES / "README.md"
SECTIONS = ["What it means", "First look", "Likely causes", "Fix"]
METRICS = load_metrics("0.33.0")
OUTSIDE = {"GatewayCertificateExpires"}
"""Told by CloudWatch, which sees the certificate; Prometheus does not."""


def watched() -> Watched:
    """A workload with every service level and every kind of trouble."""
    from components.environment_plan import resolve

    args = builders.prod()
    subject = resolve(args.loaded, args.plan, args.catalog, args.settings).watched[0]
    slo = replace(subject.facts.slo, e2e_p95_ms=subject.facts.slo.ttft_p95_ms)
    facts = replace(subject.facts, slo=slo, purchase="spot", min_replicas=1, max_replicas=4)
    limits = Limits(error_rate=0.01, ttft_p95_ms=1000.0, itl_p95_ms=50.0, step_s=600)
    return replace(subject, facts=facts, takes_over=limits, routed=True)


def every_alert() -> list[Alert]:
    subject = watched()
    rules = (
        *slo_rules(subject, 30),
        *failure_rules(subject),
        *cost_rules(subject),
        *rollout_rules(subject),
        *router_rules(subject),
        *gpu_rules(),
        *gateway_rules(),
        *monitoring_rules(collector=True, managed=True),
    )
    return [rule for rule in rules if isinstance(rule, Alert)]


def names() -> list[str]:
    return sorted({alert.name for alert in every_alert()} | OUTSIDE)


def pages() -> list[Path]:
    return sorted(path for path in PAGES.glob("*.md") if path != INDEX)


def index() -> str:
    summaries = {alert.name: alert for alert in every_alert()}
    lines = [
        "# Runbooks",
        "",
        "One page an alert: what it means, where to look first, what it usually is, what to do. `WORKLOAD` stands",
        "for the workload of the alert, `MODEL` for its served name. This index is generated.",
        "",
        "| alert | severity |",
        "|---|---|",
    ]
    severities: dict[str, list[str]] = {}
    for alert in every_alert():
        severities.setdefault(alert.name, [])
        if alert.severity not in severities[alert.name]:
            severities[alert.name].append(alert.severity)
    for name in names():
        severity = ", ".join(severities[name]) if name in summaries else "CloudWatch alarm"
        lines.append(f"| [{name}]({name}.md) | {severity} |")
    return "\n".join(lines) + "\n"


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    assert [path.stem for path in pages()] == names()


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_environment_has_an_alert_without_a_page(name: str) -> None:
    used = {query.where.rpartition("/")[2] for query in queries(graph(name)) if query.kind == "alert"}
    assert used
    assert used <= {path.stem for path in pages()}


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.stem)
def test_a_page_says_what_why_and_what_to_do(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {path.stem}\n")
    assert re.findall(r"^## (.+)$", text, re.M) == SECTIONS
    for part in re.split(r"^## .+$", text, flags=re.M)[1:]:
        assert len(part.strip()) > 15


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.stem)
def test_queries_of_a_page_use_what_is_exported(path: Path) -> None:
    blocks = re.findall(r"```promql\n(.*?)```", path.read_text(encoding="utf-8"), re.S)
    asked = [line for block in blocks for line in block.splitlines() if line]
    assert asked
    recorded = [query for query in queries(graph("prod-eu")) if query.kind == "record"]
    found = [Query(where=path.stem, kind="panel", expr=expr) for expr in asked if "__name__" not in expr]
    assert lint([*recorded, *found], METRICS) == []


def test_the_index_is_current(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        INDEX.write_text(index(), encoding="utf-8")
    assert INDEX.read_text(encoding="utf-8") == index()
