"""Reports: SARIF that scanners accept, text that people read, and no secret in either."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import jsonschema
import pytest
from policy_graphs import KNOWLEDGE, RULES, SERVICE, TODAY, changed, compliant, judge
from test_run import with_policy
from test_waivers import waived

from inferstack.policy.run import evaluate
from inferstack.policy.sarif import sarif
from inferstack.policy.text import blocking_lines, report_lines, rules_lines, verdict_line
from inferstack.policy.types import PolicyReport
from inferstack.resources import UNKNOWN

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id", "shortDescription", "helpUri"],
                                            "properties": {
                                                "shortDescription": TEXT,
                                                "fullDescription": TEXT,
                                                "help": TEXT,
                                                "helpUri": {"type": "string", "pattern": "^https://"},
                                                "defaultConfiguration": {
                                                    "properties": {
                                                        "level": {
                                                            "enum": ["none", "note", "warning", "error"]
                                                        }
                                                    }
                                                },
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["ruleId", "ruleIndex", "kind", "level", "message", "locations"],
                            "properties": {
                                "kind": {
                                    "enum": [
                                        "notApplicable",
                                        "pass",
                                        "fail",
                                        "review",
                                        "open",
                                        "informational",
                                    ]
                                },
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": TEXT,
                                "suppressions": {
                                    "type": "array",
                                    "items": {
                                        "required": ["kind"],
                                        "properties": {"kind": {"enum": ["inSource", "external"]}},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The parts of the SARIF 2.1.0 schema that a report uses (docs.oasis-open.org/sarif/sarif/v2.1.0)."""


def report(resources: Any, **settings: Any) -> PolicyReport:
    return evaluate(tuple(resources.values()), RULES, knowledge=KNOWLEDGE, today=TODAY, **settings)


BROKEN = changed(SERVICE, {"usage.monthlyActiveUsers": UNKNOWN, "revision": "main"}, without=("owner",))
REPORTS = {
    "clean": report(compliant()),
    "broken": report(BROKEN),
    "open": report(with_policy(BROKEN, strict=False)),
    "waived": report(waived()),
}


@pytest.mark.parametrize("name", REPORTS)
def test_sarif_is_valid(name: str) -> None:
    jsonschema.validate(sarif(REPORTS[name], RULES, artifact="stacks/prod-eu/environment.yaml"), SCHEMA)


@pytest.mark.parametrize("name", REPORTS)
def test_sarif_results_point_to_their_rule_and_have_level_none_unless_failed(name: str) -> None:
    (run,) = sarif(REPORTS[name], RULES)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len(rules) == len(RULES)
    assert len(run["results"]) == len(REPORTS[name].findings)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert (result["level"] == "none") == (result["kind"] != "fail")


def test_waived_findings_are_suppressed_not_hidden() -> None:
    (run,) = sarif(REPORTS["waived"], RULES)["runs"]
    (suppressed,) = [result for result in run["results"] if "suppressions" in result]
    assert "team-platform, until 2026-12-31" in suppressed["suppressions"][0]["justification"]


def test_fingerprints_survive_a_change_of_words_and_differ_by_resource() -> None:
    (first,) = sarif(REPORTS["broken"], RULES)["runs"]
    prints = [result["partialFingerprints"]["inferstack/v1"] for result in first["results"]]
    assert len(set(prints)) == len(prints)


def test_sarif_is_the_same_every_time() -> None:
    assert json.dumps(sarif(report(BROKEN), RULES)) == json.dumps(sarif(report(BROKEN), RULES))


def test_the_verdict_comes_first_and_counts() -> None:
    assert verdict_line(REPORTS["clean"]).startswith("prod-eu: passes; ")
    assert verdict_line(REPORTS["broken"]).startswith("prod-eu: blocked by 2 findings; ")
    assert "1 waived" in verdict_line(REPORTS["waived"])
    assert "1 undecided" in verdict_line(REPORTS["open"])


def test_the_text_says_what_why_and_how_to_fix() -> None:
    text = "\n".join(report_lines(REPORTS["broken"]))
    assert "INF-CST-002  Workloads have an owner and a cost centre  [medium, mandatory]" in text
    assert "chat (VllmService): states no owner" in text
    assert "cannot be decided: usage.monthlyActiveUsers is known only after deployment" in text
    assert "fix: Set owner and costCentre in the workload file." in text


def test_a_waiver_is_named_where_it_is_used() -> None:
    text = "\n".join(report_lines(REPORTS["waived"]))
    assert "waived by team-platform until 2026-12-31: moves to team-support in December" in text


def test_the_quiet_text_has_only_what_blocks() -> None:
    lines = list(blocking_lines(REPORTS["broken"]))
    assert len(lines) == 3
    assert all(line.startswith("  INF-") for line in lines[1:])


def test_the_list_of_rules_names_each_once() -> None:
    text = "\n".join(rules_lines(RULES))
    assert all(text.count(rule.id) == 1 for rule in RULES)


def test_a_report_of_one_rule_does_not_call_waivers_unused() -> None:
    assert judge(waived(), "INF-SEC-001").unused_waivers == ()


def test_an_expired_waiver_no_longer_suppresses() -> None:
    late = evaluate(tuple(waived().values()), RULES, knowledge=KNOWLEDGE, today=dt.date(2027, 2, 1))
    assert late.blocked
    assert {finding.rule for finding in late.findings} >= {"INF-GOV-001", "INF-CST-002"}
