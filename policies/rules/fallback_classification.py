"""INF-RES-008: requests do not leave for a backend that is cleared for less than they may contain."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.facts import CLASSIFICATIONS, WORKLOAD_TYPE, WorkloadFacts
from inferstack.policy.types import (
    Context,
    ResourceRule,
    Severity,
    Verdict,
    fail,
    not_applicable,
)
from inferstack.resources import Resource
from inferstack.view import Undecided, View


def rank(classification: str | None, where: str) -> int:
    """Position from least to most protected; Undecided when it is not stated or not known."""
    if classification is None:
        raise Undecided(f"{where} is not stated")
    if classification not in CLASSIFICATIONS:
        raise Undecided(f"{where} {classification} is not one of {', '.join(CLASSIFICATIONS)}")
    return CLASSIFICATIONS.index(classification)


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource, context
    facts = WorkloadFacts(view)
    if not facts.fallbacks:
        yield not_applicable("no external backend")
        return
    contained = rank(facts.classification, "data.classification")
    for fallback in facts.fallbacks:
        cleared = fallback.max_classification
        if rank(cleared, f"maxClassification of {fallback.provider}") < contained:
            yield fail(
                f"requests may be {facts.classification}, "
                f"fallback {fallback.provider} {fallback.model} is cleared for {cleared} at most"
            )


RULE = ResourceRule(
    id="INF-RES-008",
    title="External backends are cleared for the data",
    severity=Severity.HIGH,
    rationale=(
        "The gateway cannot tell a harmless request from a confidential one: what may be in it decides."
    ),
    remediation=(
        "Lower data.classification if it is too high, raise maxClassification after review, or drop the "
        "backend."
    ),
    url="https://gdpr-info.eu/art-28-gdpr/",
    tags=("data", "fallback"),
    frameworks=("GDPR Art. 28", "ISO 27001 A.5.12"),
    types=(WORKLOAD_TYPE,),
    check=check,
)
