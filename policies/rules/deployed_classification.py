"""INF-RES-011: the gateway that is deployed sends nothing to a backend that is not cleared for it."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.facts import FallbackFacts, WorkloadFacts
from inferstack.policy.deployed_routes import GATEWAY_TYPE, Member, deployed, exits
from inferstack.policy.over import over
from inferstack.policy.types import Context, EnvironmentRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource

from .fallback_classification import rank


def declared(workload: WorkloadFacts, member: Member) -> FallbackFacts | None:
    """The workload's own statement about a backend, used or not."""
    for view in workload.view.views("fallback"):
        facts = FallbackFacts(view)
        if (facts.provider, facts.model) == (member.provider, member.provider_model):
            return facts
    return None


def judge(group: str, workload: WorkloadFacts, member: Member) -> Iterator[Verdict]:
    """One workload's data against one way out."""
    label = f"{group}: {member.provider} {member.provider_model}"
    contained = rank(workload.classification, f"data.classification of {workload.name}")
    if workload.classification == "restricted":
        yield fail(f"{label} is reachable for the restricted data of {workload.name}")
        return
    facts = declared(workload, member)
    if facts is None:
        yield fail(f"{label} is reachable for {workload.name}, which does not name it")
        return
    cleared = facts.max_classification
    if rank(cleared, f"maxClassification of {facts.provider}") < contained:
        yield fail(f"{label} is cleared for {cleared}, requests may be {workload.classification}")


def check(context: Context) -> Iterator[Verdict]:
    gateways = context.resources.of_type(GATEWAY_TYPE)
    if not gateways:
        yield not_applicable("no gateway")

    def judged(gateway: Resource) -> Iterator[Verdict]:
        config = deployed(context.resources, gateway)
        for group, workloads, member in exits(context.resources, gateway):
            for workload in workloads:
                yield from judge(group, workload, member)
        if not config.guarded and any(member.service is None for member in config.members):
            yield fail("callers can name external backends themselves: the guard is not the one shipped")

    yield from over(gateways, judged)


RULE = EnvironmentRule(
    id="INF-RES-011",
    title="The deployed gateway keeps data to cleared backends",
    severity=Severity.CRITICAL,
    rationale=(
        "The spec can say one thing and the gateway's configuration another, and requests follow the latter."
    ),
    remediation=(
        "Deploy the configuration that synth generates; declare the backend with its maxClassification, or "
        "remove it."
    ),
    url="https://gdpr-info.eu/art-28-gdpr/",
    tags=("data", "fallback", "gateway"),
    frameworks=("GDPR Art. 28", "ISO 27001 A.5.12"),
    check=check,
)
