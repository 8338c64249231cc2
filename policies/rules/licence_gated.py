"""INF-LIC-011: a gated model is downloaded with the token of someone who accepted its terms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inferstack.facts import WORKLOAD_TYPE, WorkloadFacts
from inferstack.policy.about import model_of
from inferstack.policy.over import over
from inferstack.policy.pods import all_containers
from inferstack.policy.types import Context, EnvironmentRule, Level, Severity, Verdict, fail, indeterminate
from inferstack.resources import Resource, ResourceIndex
from inferstack.view import View

JOB: Final = "kubernetes:batch/v1:Job"
SECRET: Final = "kubernetes:core/v1:Secret"  # noqa: S105 - a type, not a secret
VARIABLE: Final = "HF_TOKEN"


def token_secrets(resources: ResourceIndex) -> Iterator[str]:
    """Names of the Secrets that download jobs take the token from."""
    for job in resources.of_type(JOB):
        for container in all_containers(job.type, View(job.inputs)):
            for variable in container.views("env"):
                if variable.text("name") == VARIABLE:
                    name = variable.view("valueFrom").view("secretKeyRef").text("name")
                    yield from (name,) if name else ()


def has_token(resources: ResourceIndex) -> bool:
    """One of those Secrets is in the stack."""
    wanted = set(token_secrets(resources))
    secrets = (View(found.inputs).view("metadata") for found in resources.of_type(SECRET))
    return any(metadata.text("name") in wanted for metadata in secrets)


def check(context: Context) -> Iterator[Verdict]:
    def judge(resource: Resource) -> Iterator[Verdict]:
        facts = WorkloadFacts(View(resource.inputs))
        model = model_of(facts, context.knowledge)
        gated = facts.view.flag("gated") if model is None else model.gated
        if facts.checkpoint.casefold() != facts.model.casefold():  # its own repository, with its own terms
            gated = True if has_token(context.resources) else None
        if gated is None:
            yield indeterminate(f"whether {facts.checkpoint} is gated is not established")
        elif gated and not has_token(context.resources):
            yield fail(f"{facts.model} is gated and the stack holds no Hugging Face token")

    yield from over(context.resources.of_type(WORKLOAD_TYPE), judge)


RULE = EnvironmentRule(
    id="INF-LIC-011",
    title="Gated models come with a token",
    severity=Severity.LOW,
    level=Level.ADVISORY,
    rationale=(
        "Gated weights need a person who accepted the licence; without the token the download job fails."
    ),
    remediation=(
        "Accept the terms and set inferstack:huggingFaceToken as a secret, or fill the bucket yourself."
    ),
    url="https://huggingface.co/docs/hub/models-gated",
    tags=("model", "licence"),
    check=check,
)
