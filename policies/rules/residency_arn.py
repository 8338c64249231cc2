"""INF-RES-005: keys, certificates, log and event destinations are in allowed regions, as their ARNs say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inferstack.policy.about import required_environment
from inferstack.policy.over import over
from inferstack.policy.places import allowed, arn_regions, outside
from inferstack.policy.types import Context, EnvironmentRule, Severity, Verdict, fail, indeterminate
from inferstack.resources import Resource
from inferstack.view import known_texts, unknown_paths

PLACED = re.compile(
    r"(kms|certificate|logDestination|destination|topic|stream|targetGroup)\w*(Arns?|KeyIds?)$"
)
"""Inputs that say where data goes or what opens it; roles and policies are global and do not count."""


def from_elsewhere(resource: Resource, path: str) -> bool:
    """An unknown input that no resource of this stack provides: one that does is judged itself."""
    top = re.split(r"[.\[]", path, maxsplit=1)[0]
    return not resource.property_dependencies.get(top)


def check(context: Context) -> Iterator[Verdict]:
    def judge(resource: Resource) -> Iterator[Verdict]:
        residency = required_environment(context, resource).residency
        if not residency:
            return
        for path, text in known_texts(resource.inputs):
            for region in sorted(set(arn_regions(text))):
                if not allowed(region, residency, context.knowledge):
                    yield fail(f"{path} names an ARN: {outside(region, residency)}")
        for path in unknown_paths(resource.inputs):
            if PLACED.search(path) and from_elsewhere(resource, path):
                yield indeterminate(f"{path} is known only after deployment and comes from outside the stack")

    placed = (resource for resource in context.resources if resource.type.startswith(("aws:", "kubernetes:")))
    yield from over(placed, judge)


RULE = EnvironmentRule(
    id="INF-RES-005",
    title="Keys, certificates and destinations are in allowed regions",
    severity=Severity.HIGH,
    rationale="A key or a log destination abroad takes the data, or the means to read it, with it.",
    remediation="Use keys, certificates, topics and log groups of a region inside data.residency.",
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html",
    tags=("data", "region", "kms"),
    frameworks=("GDPR Art. 44", "C5 KRY-04"),
    check=check,
)
