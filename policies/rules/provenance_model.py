"""INF-PRO-002: no model that the environment refuses by name."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from inferstack.facts import WORKLOAD_TYPE, WorkloadFacts
from inferstack.policy.about import model_of, required_environment
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    denied = required_environment(context, resource).denied_models
    if not denied:
        yield not_applicable("the environment refuses no model")
        return
    facts = WorkloadFacts(view)
    known = model_of(facts, context.knowledge)
    names = {name.casefold() for name in (facts.model, view.text("checkpoint"), known and known.id) if name}
    for pattern in denied:
        if any(fnmatchcase(name, pattern.casefold()) for name in names):
            yield fail(f"{facts.model} is refused here (policy.denyModels: {pattern})")


RULE = ResourceRule(
    id="INF-PRO-002",
    title="The environment does not refuse the model",
    severity=Severity.HIGH,
    rationale=(
        "A model can be ruled out after an evaluation or an incident, under whatever name it is re-published."
    ),
    remediation="Serve another model, or have policy.denyModels changed.",
    url="https://csrc.nist.gov/pubs/sp/800/161/r1/upd1/final",
    tags=("model", "supply-chain"),
    frameworks=("NIST 800-161 SR-3",),
    types=(WORKLOAD_TYPE,),
    check=check,
)
