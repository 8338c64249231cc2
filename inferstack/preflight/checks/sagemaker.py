"""SageMaker endpoints that requests fall back to."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.preflight.aws import ApiError
from inferstack.preflight.needs import Fallback
from inferstack.preflight.types import Check, Finding, Status, Subject


def _run(subject: Subject) -> Iterator[Finding]:
    for fallback in subject.needs.fallbacks:
        if fallback.provider == "sagemaker":
            status, what = _judge(fallback, subject)
            yield Finding(
                check="sagemaker",
                status=status,
                what=f"endpoint {_name(fallback)} {what}",
                where=f"{fallback.region}, workload {fallback.workload}",
                fix=None if status is Status.OK else "an endpoint that is InService, or no such fallback",
            )


def _name(fallback: Fallback) -> str:
    return fallback.model.removeprefix("sagemaker/").removeprefix("sagemaker_chat/")


def _judge(fallback: Fallback, subject: Subject) -> tuple[Status, str]:
    try:
        answer = subject.account.call(
            "sagemaker", "describe_endpoint", region=fallback.region, EndpointName=_name(fallback)
        )
    except ApiError as error:
        if error.code != "ValidationException":
            raise
        return Status.FAIL, f"is not in {fallback.region}"
    state = answer["EndpointStatus"]
    return (Status.OK, "is InService") if state == "InService" else (Status.FAIL, f"is {state}")


SAGEMAKER = Check(id="sagemaker", title="SageMaker endpoints of fallbacks", run=_run)
