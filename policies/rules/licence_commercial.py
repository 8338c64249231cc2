"""INF-LIC-002: commercial use only under a licence that allows it."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.facts import WORKLOAD_TYPE, WorkloadFacts
from inferstack.policy.about import licence_of
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource
    facts = WorkloadFacts(view)
    if not facts.commercial:
        yield not_applicable("the use is stated as not commercial")
        return
    licence = licence_of(facts, context.knowledge)
    if licence.commercial_use == "no" or licence.non_commercial_only:
        yield fail(f"{facts.model} is used commercially, but {licence.name} allows non-commercial use only")
    elif licence.hosting_for_third_parties.startswith("forbidden"):
        terms = licence.hosting_for_third_parties
        yield fail(f"{facts.model} may not be hosted under {licence.name} ({terms})")


RULE = ResourceRule(
    id="INF-LIC-002",
    title="Commercial use is allowed by the licence",
    severity=Severity.CRITICAL,
    rationale=(
        "Research and non-commercial licences (CC BY-NC, Mistral Research) give no right to serve customers."
    ),
    remediation=(
        "Choose a model whose licence allows commercial use, or sign a contract and record it as a waiver."
    ),
    url="https://creativecommons.org/licenses/by-nc/4.0/legalcode",
    tags=("model", "licence"),
    types=(WORKLOAD_TYPE,),
    check=check,
)
