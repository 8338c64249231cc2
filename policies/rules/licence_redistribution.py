"""INF-LIC-007: weights and derivatives leave the company only where the licence allows it."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.facts import WORKLOAD_TYPE, WorkloadFacts
from inferstack.policy.about import licence_of
from inferstack.policy.types import (
    Context,
    ResourceRule,
    Severity,
    Verdict,
    fail,
    indeterminate,
    not_applicable,
)
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource
    facts = WorkloadFacts(view)
    if not facts.redistributes:
        yield not_applicable("weights are not stated to be redistributed")
        return
    licence = licence_of(facts, context.knowledge)
    terms = licence.redistribution
    if terms.startswith("forbidden"):
        yield fail(f"weights are redistributed, which {licence.name} forbids")
    elif terms.endswith("only"):
        if facts.commercial:
            yield fail(f"weights are redistributed commercially; {licence.name} says: {terms}")
    elif not terms.startswith("allowed"):
        yield indeterminate(f"redistribution under {licence.name}: {terms}")


RULE = ResourceRule(
    id="INF-LIC-007",
    title="Redistribution is allowed by the licence",
    severity=Severity.HIGH,
    rationale=(
        "Giving weights, or an adapter made for them, to others needs a right that research licences "
        "withhold."
    ),
    remediation="Keep the weights inside the company, or serve a model whose licence allows redistribution.",
    url="https://mistral.ai/static/licenses/MRL-0.1.md",
    tags=("model", "licence"),
    types=(WORKLOAD_TYPE,),
    check=check,
)
