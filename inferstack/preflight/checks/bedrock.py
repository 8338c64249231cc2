"""Whether this account may call the Bedrock models that requests fall back to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from inferstack.facts import foundation_model
from inferstack.preflight.aws import ApiError
from inferstack.preflight.needs import Fallback
from inferstack.preflight.types import Check, Finding, Status, Subject

_WANTED: Final = {
    "authorizationStatus": "AUTHORIZED",
    "entitlementAvailability": "AVAILABLE",
    "regionAvailability": "AVAILABLE",
}


def _run(subject: Subject) -> Iterator[Finding]:
    for fallback in subject.needs.fallbacks:
        if fallback.provider == "bedrock":
            status, what, fix = _judge(fallback, subject)
            where = f"{fallback.region}, workload {fallback.workload}"
            yield Finding(
                check="bedrock", status=status, what=f"{fallback.model} {what}", where=where, fix=fix
            )


def _judge(fallback: Fallback, subject: Subject) -> tuple[Status, str, str | None]:
    name = fallback.model.removeprefix("bedrock/")
    model = foundation_model(name)
    try:
        if model != name:
            _ask(subject, fallback.region, "get_inference_profile", inferenceProfileIdentifier=name)
        answer = _ask(
            subject,
            fallback.region,
            "get_foundation_model_availability",
            modelId=model,
        )
    except ApiError as error:
        if error.code not in ("ResourceNotFoundException", "ValidationException"):
            raise
        fix = f"aws bedrock list-foundation-models --region {fallback.region} names those that are"
        return Status.FAIL, f"is not in Bedrock of {fallback.region} ({error.message})", fix
    return _verdict(answer, fallback)


def _ask(subject: Subject, region: str, operation: str, **parameters: str) -> Mapping[str, Any]:
    return subject.account.call("bedrock", operation, region=region, **parameters)


def _verdict(answer: Mapping[str, Any], fallback: Fallback) -> tuple[Status, str, str | None]:
    wrong = [f"{key} {answer.get(key)}" for key, value in _WANTED.items() if answer.get(key) != value]
    agreement = answer.get("agreementAvailability", {}).get("status")
    if agreement not in ("AVAILABLE", None):
        wrong.append(f"agreementAvailability {agreement}")
    if wrong:
        fix = f"request it: Bedrock console, {fallback.region}, model access (some ask for a use case)"
        return Status.FAIL, f"may not be called: {', '.join(wrong)}", fix
    return Status.OK, "may be called", None


BEDROCK = Check(id="bedrock", title="Access to Bedrock models of fallbacks", run=_run)
