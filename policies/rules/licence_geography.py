"""INF-LIC-005: no model whose licence excludes the company's home (Llama 4 multimodal and the EU)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inferstack.catalog.types import GeoExclusion, Model
from inferstack.facts import WORKLOAD_TYPE, WorkloadFacts
from inferstack.policy.about import licence_of, model_of
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

MEMBERS: Final = {"EU": "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"}
"""Member states, ISO 3166 alpha-2 (european-union.europa.eu/principles-countries-history, 2026-11-20)."""


def excluded_countries(exclusion: GeoExclusion) -> frozenset[str]:
    """Country codes of the excluded regions; a region that is no group is taken as a country."""
    return frozenset(code for region in exclusion.regions for code in MEMBERS.get(region, region).split())


def spares(exclusion: GeoExclusion, model: Model | None) -> bool:
    """The exclusion covers multimodal models only, and this one is known to be text-only."""
    if "multimodal" not in (exclusion.scope or "") or model is None or not model.modalities:
        return False
    return set(model.modalities) == {"text"}


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource
    facts = WorkloadFacts(view)
    licence = licence_of(facts, context.knowledge)
    exclusion = licence.geo_exclusion
    if exclusion is None or spares(exclusion, model_of(facts, context.knowledge)):
        yield not_applicable(f"{licence.id} excludes no country for this model")
        return
    countries = excluded_countries(exclusion)
    home = facts.company_domicile
    where = " and ".join(exclusion.regions)
    if home is not None:
        if home in countries:
            yield fail(f"{licence.name} gives no rights to companies in {home} ({where})")
    elif facts.eu_users is not False:
        yield indeterminate(
            f"{licence.name} excludes companies at home in {where}, usage.companyDomicile is not stated"
        )


RULE = ResourceRule(
    id="INF-LIC-005",
    title="The licence does not exclude the company's home",
    severity=Severity.HIGH,
    rationale=(
        "Llama 4's acceptable-use policy withholds all rights to its multimodal models from EU companies."
    ),
    remediation=(
        "Serve a model without a geographic exclusion, or state usage.companyDomicile if it is elsewhere."
    ),
    url="https://www.llama.com/llama4/use-policy/",
    tags=("model", "licence"),
    types=(WORKLOAD_TYPE,),
    check=check,
)
