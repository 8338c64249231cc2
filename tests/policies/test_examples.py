"""The example environments pass, and each blocked case is blocked for its own reason and no other."""

from __future__ import annotations

import pytest
from policy_graphs import KNOWLEDGE, RULES, TODAY

from inferstack.facts import ENVIRONMENT_TYPE, WORKLOAD_TYPE
from inferstack.policy.run import evaluate
from inferstack.policy.types import Level, Outcome, PolicyReport, Status
from tests.example_graphs import BLOCKED, EXAMPLES, graph

REASONS = {
    "command-r-plus-commercial": {"INF-LIC-002"},
    "cross-region-bucket": {"INF-RES-002", "INF-RES-004", "INF-RES-005", "INF-RES-009"},
    "llama-over-700m-users": {"INF-LIC-003"},
    "qwen-provenance-ban": {"INF-PRO-001"},
}


def report(name: str) -> PolicyReport:
    return evaluate(graph(name), RULES, knowledge=KNOWLEDGE, today=TODAY)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_passes_strictly(name: str) -> None:
    found = report(name)
    assert found.strict
    assert [finding.message for finding in found.with_status(Status.BLOCKED)] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_mandatory_rule_is_undecided_about_an_example(name: str) -> None:
    mandatory = {rule.id for rule in RULES if rule.level is Level.MANDATORY}
    undecided = [
        r.rule for r in report(name).rules if r.outcome is Outcome.INDETERMINATE and r.rule in mandatory
    ]
    assert undecided == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_concerns_most_rules(name: str) -> None:
    """A rule whose resource types are misspelt would never apply, and never complain."""
    applied = {r.rule for r in report(name).rules if r.outcome is not Outcome.NOT_APPLICABLE}
    assert {
        "INF-LIC-001",
        "INF-RES-001",
        "INF-SEC-001",
        "INF-SEC-003",
        "INF-SEC-008",
        "INF-SEC-012",
    } <= applied
    assert len(applied) >= 25


def test_every_case_has_a_reason() -> None:
    assert set(BLOCKED) == set(REASONS)


@pytest.mark.parametrize("name", BLOCKED)
def test_a_blocked_case_is_blocked_for_its_reason(name: str) -> None:
    blocking = {finding.rule for finding in report(name).with_status(Status.BLOCKED)}
    assert blocking == REASONS[name]


@pytest.mark.parametrize("name", EXAMPLES)
def test_components_state_the_facts_that_rules_read(name: str) -> None:
    (environment,) = graph(name).of_type(ENVIRONMENT_TYPE)
    assert {"environment", "region", "zones", "residency", "production", "policy", "tags"} <= set(
        environment.inputs
    )
    for service in graph(name).of_type(WORKLOAD_TYPE):
        stated = {
            "workload",
            "model",
            "licence",
            "usage",
            "data",
            "slo",
            "purchase",
            "minReplicas",
            "fallback",
        }
        assert stated | {"requestsPerDay", "inputTokens", "outputTokens", "paramsB"} <= set(service.inputs)
