"""INF-LIC-004: revenue stays at or below the cap of the licence (Mistral modified MIT, MiniMax M3)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

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

MONTHS_PER_YEAR = Decimal(12)


def annual_cap_usd(cap_usd: Decimal, period: str | None) -> Decimal:
    """The cap over twelve months; monthly caps are stated as ``month ...``."""
    return cap_usd * MONTHS_PER_YEAR if (period or "").startswith("month") else cap_usd


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource
    facts = WorkloadFacts(view)
    licence = licence_of(facts, context.knowledge)
    effect = licence.revenue_cap_effect or ""
    if licence.revenue_cap_usd is None or effect.startswith("display duty"):
        yield not_applicable(f"{licence.id} has no revenue cap")
        return
    if not facts.commercial:
        yield not_applicable("the use is stated as not commercial")
        return
    cap = annual_cap_usd(licence.revenue_cap_usd, licence.revenue_cap_period)
    revenue = facts.annual_revenue_usd
    if revenue is None:
        yield indeterminate(
            f"{licence.name} has a revenue cap (US${cap:,} a year), usage.annualRevenueUsd is not stated"
        )
    elif revenue > cap and "MaaS" in effect:
        yield indeterminate(
            f"revenue is above US${cap:,}: {effect}; whether this is such a business is not stated"
        )
    elif revenue > cap:
        yield fail(f"revenue is above US${cap:,} a year: {effect}")


RULE = ResourceRule(
    id="INF-LIC-004",
    title="Revenue stays below the licence's cap",
    severity=Severity.HIGH,
    rationale=(
        "Some open-weight licences end, or need a separate agreement, above a revenue of the whole company."
    ),
    remediation=(
        "Obtain the commercial licence and record it as a waiver, or serve a model without a revenue cap."
    ),
    url="https://mistral.ai/technology/#licensing",
    tags=("model", "licence"),
    types=(WORKLOAD_TYPE,),
    check=check,
)
