"""INF-PRO-001: no model developed in a country that the environment refuses."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.facts import WORKLOAD_TYPE, WorkloadFacts
from inferstack.policy.about import developer_country_of, required_environment
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    denied = required_environment(context, resource).denied_countries
    if not denied:
        yield not_applicable("the environment refuses no developer country")
        return
    facts = WorkloadFacts(view)
    country = developer_country_of(facts, context.knowledge)
    if country.upper() in {code.upper() for code in denied}:
        yield fail(f"{facts.model} was developed in {country}, which is refused here")
    stated = view.text("developerCountry")
    if stated and stated != country:
        yield fail(f"states developer country {stated}, but the model's is {country}")


RULE = ResourceRule(
    id="INF-PRO-001",
    title="The model's developer is not in a refused country",
    severity=Severity.HIGH,
    rationale=(
        "Procurement rules and sanctions can rule out models by origin; an unknown origin cannot be cleared."
    ),
    remediation="Serve a model from another developer, or have policy.denyDeveloperCountries changed.",
    url="https://csrc.nist.gov/pubs/sp/800/161/r1/upd1/final",
    tags=("model", "supply-chain"),
    frameworks=("NIST 800-161 SR-3",),
    types=(WORKLOAD_TYPE,),
    check=check,
)
