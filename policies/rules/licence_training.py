"""INF-LIC-006: outputs train other models only where the licence allows it."""

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
    if not facts.trains_other_models:
        yield not_applicable("outputs are not stated to train other models")
        return
    licence = licence_of(facts, context.knowledge)
    terms = licence.train_other_models
    if terms is None:
        yield indeterminate(f"whether {licence.name} allows training other models is not established")
    elif terms.startswith("forbidden"):
        yield fail(f"outputs train other models, which {licence.name} forbids ({terms})")
    elif terms.endswith("only"):
        if facts.commercial:
            yield fail(f"outputs train other models commercially; {licence.name} says: {terms}")
    elif not terms.startswith("allowed"):
        yield indeterminate(f"training other models under {licence.name}: {terms}")


RULE = ResourceRule(
    id="INF-LIC-006",
    title="Training other models is allowed by the licence",
    severity=Severity.HIGH,
    rationale=(
        "Llama 2 and Llama 3 forbid using outputs to improve any other model; the model trained would "
        "be tainted."
    ),
    remediation=(
        "Generate training data with a model whose licence allows it, or set usage.trainsOtherModels: false."
    ),
    url="https://www.llama.com/llama3/license/",
    tags=("model", "licence", "distillation"),
    types=(WORKLOAD_TYPE,),
    check=check,
)
