"""INF-LIC-001: every model served has a licence whose terms the catalog knows."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.facts import WORKLOAD_TYPE, WorkloadFacts
from inferstack.policy.about import licence_of
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource
    licence = licence_of(WorkloadFacts(view), context.knowledge)
    stated = view.text("licence")
    if stated and stated != licence.id:
        yield fail(f"states licence {stated}, but the model's licence is {licence.id} ({licence.name})")


RULE = ResourceRule(
    id="INF-LIC-001",
    title="The model's licence is known",
    severity=Severity.CRITICAL,
    rationale=(
        "Terms that nobody has read cannot be kept; a model without an established licence grants no rights."
    ),
    remediation=(
        "Serve a model whose licence the catalog knows, or add the licence with its terms and source."
    ),
    url="https://spdx.org/licenses/",
    tags=("model", "licence"),
    frameworks=("ISO 42001 A.10.3",),
    types=(WORKLOAD_TYPE,),
    check=check,
)
