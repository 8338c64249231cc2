"""INF-LIC-008: a notice of what the licence asks of those who serve it: display, notices, use policy."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.catalog.types import Licence
from inferstack.facts import WORKLOAD_TYPE, WorkloadFacts
from inferstack.policy.about import licence_of
from inferstack.policy.types import Context, Level, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View


def duties(licence: Licence) -> Iterator[str]:
    """What must be done to serve a model under a licence, each in a few words."""
    if licence.display_required:
        yield f"show {licence.display_required!r}"
    if licence.notice_file is True:
        yield "ship the licence's Notice file with the weights"
    if licence.use_policy:
        yield f"keep users to the {licence.use_policy}"
    if licence.flow_down_use_restrictions:
        yield "pass the use restrictions on to users in your terms"
    if licence.notify_licensor:
        yield f"licensor: {licence.notify_licensor}"


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource
    licence = licence_of(WorkloadFacts(view), context.knowledge)
    found = tuple(duties(licence))
    if found:
        yield fail(f"{licence.name} asks: {'; '.join(found)}")


RULE = ResourceRule(
    id="INF-LIC-008",
    title="The licence's duties are kept",
    severity=Severity.LOW,
    level=Level.ADVISORY,
    rationale=(
        "Display names, notices and use policies are conditions of the licence; no configuration shows "
        "them kept."
    ),
    remediation="Do what the licence asks, then waive this notice with where it was done.",
    url="https://www.llama.com/llama3_3/license/",
    tags=("model", "licence", "attribution"),
    types=(WORKLOAD_TYPE,),
    check=check,
)
