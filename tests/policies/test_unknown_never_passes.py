"""Every value a rule looks at, made unknown one at a time: the rule may fail or be undecided, never pass.

The values are found by watching which keys a rule reads in an environment that passes it, so a rule that reads
a new key is covered without anyone listing it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from database_graphs import with_database
from gateway_graphs import gateway
from policy_graphs import (
    BUCKET,
    ENVIRONMENT,
    KNOWLEDGE,
    RULES,
    SERVICE,
    TODAY,
    changed,
    compliant,
    judge,
    put,
)
from test_budget import with_pool
from test_residency_replication import replicated
from test_rollout_watched import shared
from test_waivers import waived

from inferstack.policy.run import evaluate
from inferstack.policy.types import Outcome, Rule
from inferstack.resources import UNKNOWN, Resource

FALLBACK = {
    "provider": "bedrock",
    "model": "anthropic.claude-v2",
    "region": "eu-central-1",
    "maxClassification": "confidential",
    "enabled": True,
}
NO_LICENCE = ("licence",)
ENGAGED: Mapping[str, dict[str, Resource]] = {
    "INF-LIC-004": changed(
        SERVICE,
        {"model": "mistralai/Mistral-Medium-3.5-128B", "usage.annualRevenueUsd": "1000000"},
        NO_LICENCE,
    ),
    "INF-LIC-005": changed(
        SERVICE,
        {"model": "meta-llama/Llama-4-Scout-17B-16E-Instruct", "usage.companyDomicile": "US"},
        NO_LICENCE,
    ),
    "INF-LIC-006": changed(SERVICE, {"usage.trainsOtherModels": True}),
    "INF-LIC-007": changed(SERVICE, {"usage.redistributes": True}),
    "INF-LIC-008": changed(SERVICE, {"model": "mistralai/Mistral-7B-Instruct-v0.3"}, NO_LICENCE),
    "INF-LIC-009": changed(SERVICE, {"adapters": [{"name": "tone", "source": "s3://acme/tone"}]}),
    "INF-REL-006": shared(),
    "INF-RES-004": replicated("eu-west-1", "arn:aws:s3:::acme-replica"),
    "INF-RES-007": changed(SERVICE, {"fallback": [FALLBACK]}),
    "INF-RES-008": changed(SERVICE, {"fallback": [FALLBACK]}),
    "INF-RES-011": gateway(),
    "INF-RES-012": gateway(),
    "INF-SEC-013": with_database(),
    "INF-REL-005": with_database(),
    "INF-CST-001": with_pool("90000"),
    "INF-GOV-001": waived(),
}
"""Environments for rules that the compliant one does not concern; each passes its rule."""


class Watched(dict[str, Any]):
    """Inputs that note which keys are read."""

    def __init__(self, values: Mapping[str, Any], path: str, seen: set[str]) -> None:
        super().__init__({key: watch(value, f"{path}{key}", seen) for key, value in values.items()})
        self.path, self.seen = path, seen

    def get(self, key: str, default: Any = None) -> Any:
        if key in self and self[key] is not UNKNOWN:
            self.seen.add(f"{self.path}{key}")
        return super().get(key, default)


def watch(value: Any, path: str, seen: set[str]) -> Any:
    if isinstance(value, Mapping):
        return Watched(value, f"{path}.", seen)
    if isinstance(value, list):
        return [watch(element, f"{path}.{position}", seen) for position, element in enumerate(value)]
    return value


def engaged(rule: Rule) -> dict[str, Resource]:
    return ENGAGED.get(rule.id) or compliant()


def consulted(rule: Rule) -> list[tuple[str, str]]:
    """URN and path of every known input the rule reads when it passes."""
    seen: dict[str, set[str]] = {}
    resources = []
    for urn, found in engaged(rule).items():
        seen[urn] = set()
        resources.append(replace(found, inputs=Watched(found.inputs, "", seen[urn])))
    evaluate(resources, (rule,), knowledge=KNOWLEDGE, today=TODAY)
    return [(urn, path) for urn, paths in seen.items() for path in sorted(paths)]


def unimportant(rule: Rule, urn: str, path: str) -> bool:
    """Keys that settle how a finding is treated, or price a line whose gap the budget rule reports itself."""
    settles = urn == ENVIRONMENT and path in ("environment", "policy", "policy.strict", "policy.level")
    waivers = urn == ENVIRONMENT and path.startswith("policy.waivers") and rule.id != "INF-GOV-001"
    # whose it is only names a finding; a bucket without a known name is still found by reference
    names = path in ("workload", "metadata.name") or (urn == BUCKET and path == "bucket")
    # the label of the bill, and traffic, which prices tokens but nothing that stands here
    labels = rule.id == "INF-CST-001" and path in ("region", "requestsPerDay", "inputTokens", "outputTokens")
    return settles or waivers or names or labels


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_rule_passes_where_it_is_engaged(rule: Rule) -> None:
    assert judge(engaged(rule), rule.id).rules[0].outcome is Outcome.PASS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_unknown_value_lets_a_rule_pass(rule: Rule) -> None:
    keys = [(urn, path) for urn, path in consulted(rule) if not unimportant(rule, urn, path)]
    for urn, path in keys:
        resources = dict(engaged(rule))
        inputs = _copy(resources[urn].inputs)
        put(inputs, path, UNKNOWN)
        resources[urn] = replace(resources[urn], inputs=inputs)
        result = judge(resources, rule.id).rules[0]
        assert result.outcome in (Outcome.FAIL, Outcome.INDETERMINATE), f"{urn} {path}: {result}"


def test_rules_do_read_values() -> None:
    """The watch works: a rule that reads nothing could not be tested by it."""
    scanning = {"INF-RES-009", "INF-RES-010"}
    for rule in RULES:
        assert consulted(rule) or rule.id in scanning, rule.id


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value
