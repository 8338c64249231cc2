"""INF-LIC-010: no licence that the environment refuses."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from inferstack.facts import WORKLOAD_TYPE, WorkloadFacts
from inferstack.policy.about import licence_of, required_environment
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    denied = required_environment(context, resource).denied_licences
    if not denied:
        yield not_applicable("the environment refuses no licence")
        return
    licence = licence_of(WorkloadFacts(view), context.knowledge)
    for pattern in denied:
        if fnmatchcase(licence.id, pattern):
            yield fail(f"{licence.id} is refused here (policy.denyLicences: {pattern})")


RULE = ResourceRule(
    id="INF-LIC-010",
    title="The environment does not refuse the licence",
    severity=Severity.HIGH,
    rationale="A legal department may rule out licences that are lawful in general.",
    remediation="Serve a model under another licence, or have policy.denyLicences changed.",
    url="https://spdx.org/licenses/",
    tags=("model", "licence"),
    types=(WORKLOAD_TYPE,),
    check=check,
)
