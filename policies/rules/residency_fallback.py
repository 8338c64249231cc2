"""INF-RES-007: external backends are inside the residency of the environment and of the workload."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from inferstack.facts import WORKLOAD_TYPE, FallbackFacts, WorkloadFacts
from inferstack.policy.about import required_environment
from inferstack.policy.places import allowed, host_regions, outside
from inferstack.policy.types import (
    Context,
    Knowledge,
    ResourceRule,
    Severity,
    Verdict,
    fail,
    indeterminate,
    not_applicable,
)
from inferstack.resources import Resource
from inferstack.view import Undecided, View

AWS_PROVIDERS: Final = frozenset({"bedrock", "sagemaker"})
PROFILES: Final = {
    "eu": ("EU", "EEA", "GDPR-adequate"),
    "us": ("US",),
    "us-gov": ("US-GOV",),
    "jp": ("JP",),
    "au": ("AU",),
    "ca": ("CA",),
}
"""Residency groups a Bedrock inference profile stays in, by prefix of its model id; others span several."""
WIDE_PROFILES: Final = frozenset({"apac", "global"})


def judge(
    fallback: FallbackFacts, residency: Sequence[str], home: str, knowledge: Knowledge
) -> Iterator[Verdict]:
    """Where one backend computes, against one residency rule. ``home``: the environment's region."""
    label = f"fallback {fallback.provider} {fallback.model}"
    wanted = {place.casefold() for place in residency}
    prefix = fallback.model.partition(".")[0].casefold() if fallback.provider == "bedrock" else ""
    if prefix in WIDE_PROFILES:
        yield fail(f"{label}: the {prefix} profile leaves {' or '.join(residency)}")
        return
    if prefix in PROFILES and not wanted & {group.casefold() for group in PROFILES[prefix]}:
        yield fail(f"{label}: the profile computes anywhere in {PROFILES[prefix][0]}")
    stated = {fallback.region, *host_regions(fallback.endpoint or "")} - {None}
    if not stated and fallback.provider not in AWS_PROVIDERS:
        yield indeterminate(f"{label}: where it computes is not stated, {' or '.join(residency)} is required")
    for region in sorted(str(place) for place in stated or {home}):
        if (stated or fallback.provider in AWS_PROVIDERS) and not allowed(region, residency, knowledge):
            yield fail(f"{label}: {outside(region, residency)}")


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    facts = WorkloadFacts(view)
    if not facts.fallbacks:
        yield not_applicable("no external backend")
        return
    environment = required_environment(context, resource)
    rules = dict.fromkeys(tuple(places) for places in (environment.residency, facts.residency) if places)
    for fallback in facts.fallbacks:
        for residency in rules:
            try:
                yield from judge(fallback, residency, environment.region, context.knowledge)
            except Undecided as undecided:
                yield indeterminate(undecided.reason)


RULE = ResourceRule(
    id="INF-RES-007",
    title="External backends are inside the residency",
    severity=Severity.CRITICAL,
    rationale="A fallback sends whole prompts to someone else, at the moment when nobody is watching.",
    remediation="Use a backend with a region inside data.residency (an eu. profile for EU), or none.",
    url="https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html",
    tags=("data", "region", "fallback"),
    frameworks=("GDPR Art. 28", "GDPR Art. 44"),
    types=(WORKLOAD_TYPE,),
    check=check,
)
