"""INF-LIC-009: LoRA adapters are derivatives: they inherit the base model's licence and its naming rule."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.catalog.types import Licence
from inferstack.facts import WORKLOAD_TYPE, AdapterFacts, WorkloadFacts
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
from inferstack.view import Undecided, View


def judge(adapter: AdapterFacts, base: Licence, facts: WorkloadFacts, context: Context) -> Iterator[Verdict]:
    """One adapter: its name where it leaves the company, its own licence where it comes from outside."""
    prefix = base.derivative_name_prefix
    if facts.redistributes and prefix and not adapter.name.casefold().startswith(prefix.casefold()):
        yield fail(
            f"adapter {adapter.name} is redistributed, so {base.name} wants a name starting with {prefix!r}"
        )
    if adapter.source.startswith("s3://"):
        return
    known = context.knowledge.model(adapter.source)
    licence = context.knowledge.licence(known.licence) if known else None
    if licence is None:
        yield indeterminate(
            f"adapter {adapter.name} is from {adapter.source}, whose licence is not established"
        )
    elif facts.commercial and (licence.commercial_use == "no" or licence.non_commercial_only):
        yield fail(
            f"adapter {adapter.name} is used commercially, but {licence.name} allows non-commercial use only"
        )


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource
    facts = WorkloadFacts(view)
    if not facts.adapters:
        yield not_applicable("no adapters are served")
        return
    base = licence_of(facts, context.knowledge)
    for adapter in facts.adapters:
        try:
            yield from judge(adapter, base, facts, context)
        except Undecided as undecided:
            yield indeterminate(undecided.reason)


RULE = ResourceRule(
    id="INF-LIC-009",
    title="Adapters keep to the base model's licence",
    severity=Severity.MEDIUM,
    rationale=(
        "An adapter is a derivative of the model it was trained on; its author may have added terms of "
        "their own."
    ),
    remediation=(
        "Use adapters you trained yourself (s3://) or whose licence is known; name distributed ones as asked."
    ),
    url="https://www.llama.com/llama3_3/license/",
    tags=("model", "licence", "lora"),
    types=(WORKLOAD_TYPE,),
    check=check,
)
