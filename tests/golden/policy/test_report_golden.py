"""The policy report's text and SARIF, byte for byte, from an environment with one of each kind of finding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inferstack.policy.run import evaluate
from inferstack.policy.sarif import sarif
from inferstack.policy.text import report_lines, rules_lines
from inferstack.resources import UNKNOWN
from policies.rules import RULES
from tests.policies import policy_graphs as graphs

HERE = Path(__file__).parent
WAIVER = {
    "rule": "INF-CST-002",
    "scope": "chat",
    "owner": "team-platform",
    "reason": "moves in December",
    "expires": "2026-12-31",
}
UNUSED = {**WAIVER, "rule": "INF-SEC-001"}


def report(*, strict):
    changes = {"usage.monthlyActiveUsers": UNKNOWN, "revision": "main", "minReplicas": 1}
    resources = graphs.changed(graphs.SERVICE, changes, without=("owner",))
    policy = {"policy.waivers": [WAIVER, UNUSED], "policy.strict": strict}
    resources[graphs.ENVIRONMENT] = graphs.changed(graphs.ENVIRONMENT, policy)[graphs.ENVIRONMENT]
    return evaluate(tuple(resources.values()), RULES, knowledge=graphs.KNOWLEDGE, today=graphs.TODAY)


def some_rules():
    return [rule for rule in RULES if rule.id in {finding.rule for finding in report(strict=True).findings}]


RENDERED = {
    "report.txt": lambda: "\n".join(report_lines(report(strict=True))) + "\n",
    "not-strict.txt": lambda: "\n".join(report_lines(report(strict=False))) + "\n",
    "report.sarif": lambda: (
        json.dumps(
            sarif(report(strict=True), some_rules(), artifact="stacks/prod-eu/environment.yaml"), indent=2
        )
        + "\n"
    ),
    "rules.txt": lambda: "\n".join(rules_lines(RULES)) + "\n",
}


@pytest.mark.parametrize("name", RENDERED)
def test_the_report_reads_as_recorded(name, request):
    text = RENDERED[name]()
    if request.config.getoption("--update-golden", default=False):
        (HERE / name).write_text(text, encoding="utf-8")
    assert text == (HERE / name).read_text(encoding="utf-8"), "run `make golden` and review the diff"
