"""INF-LIC-003: monthly active users stay at or below the cap of the licence (Llama 700 M, Qwen 100 M)."""

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
    licence = licence_of(facts, context.knowledge)
    if licence.mau_cap is None or (licence.mau_cap_test or "").startswith("display duty"):
        yield not_applicable(f"{licence.id} has no user cap")
        return
    users = facts.monthly_active_users
    if users is None:
        if facts.commercial:
            yield indeterminate(
                f"{licence.name} has a cap of {licence.mau_cap:,} users, usage.monthlyActiveUsers is not "
                "stated"
            )
        else:
            yield not_applicable("the use is stated as not commercial")
    elif users > licence.mau_cap:
        yield fail(
            f"{users:,.0f} monthly active users; above {licence.mau_cap:,} {licence.name} needs the "
            "licensor's permission"
        )


RULE = ResourceRule(
    id="INF-LIC-003",
    title="Monthly active users stay below the licence's cap",
    severity=Severity.CRITICAL,
    rationale=(
        "Above the cap the licence grants nothing: the licensor may refuse or ask for a separate agreement."
    ),
    remediation="Ask the licensor for a licence and record it as a waiver, or serve a model without a cap.",
    url="https://www.llama.com/llama3_3/license/",
    tags=("model", "licence"),
    types=(WORKLOAD_TYPE,),
    check=check,
)
