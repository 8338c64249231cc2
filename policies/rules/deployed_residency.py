"""INF-RES-012: the external backends in the deployed gateway's configuration compute inside the residency."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.about import required_environment
from inferstack.policy.deployed_routes import GATEWAY_TYPE, exits
from inferstack.policy.over import over
from inferstack.policy.types import (
    Context,
    EnvironmentRule,
    Severity,
    Verdict,
    indeterminate,
    not_applicable,
)
from inferstack.resources import Resource
from inferstack.view import Undecided

from .residency_fallback import judge


def check(context: Context) -> Iterator[Verdict]:
    gateways = context.resources.of_type(GATEWAY_TYPE)
    if not gateways:
        yield not_applicable("no gateway")

    def judged(gateway: Resource) -> Iterator[Verdict]:
        environment = required_environment(context, gateway)
        for _, workloads, member in exits(context.resources, gateway):
            stated = (environment.residency, *(workload.residency for workload in workloads))
            for residency in dict.fromkeys(tuple(places) for places in stated if places):
                try:
                    yield from judge(member.facts(), residency, environment.region, context.knowledge)
                except Undecided as undecided:
                    yield indeterminate(undecided.reason)

    yield from over(gateways, judged)


RULE = EnvironmentRule(
    id="INF-RES-012",
    title="The deployed gateway's backends are inside the residency",
    severity=Severity.CRITICAL,
    rationale="The configuration that runs decides where a prompt is computed, not the one intended.",
    remediation="Deploy the configuration that synth generates, with backends inside data.residency.",
    url="https://gdpr-info.eu/art-44-gdpr/",
    tags=("data", "region", "fallback", "gateway"),
    frameworks=("GDPR Art. 44",),
    check=check,
)
