"""Gated models: a token is there and, when the Hub may be asked, it opens the repository."""

from __future__ import annotations

import os
from collections.abc import Iterator

from inferstack.preflight.hub import HubError, may_read
from inferstack.preflight.needs import GatedModel
from inferstack.preflight.types import Check, Finding, Status, Subject

TOKEN_KEY = "huggingFaceToken"  # noqa: S105  the name of a setting
_Verdict = tuple[Status, str, str | None]


def _run(subject: Subject) -> Iterator[Finding]:
    for model in subject.needs.models:
        if model.gated is False:
            continue
        status, what, fix = _asked(model) if subject.ask_hub else _configured(model, subject)
        yield Finding(
            check="gated-model",
            status=status,
            what=f"{model.checkpoint} {what}",
            where=f"workload {model.workload}",
            fix=fix,
        )


def _configured(model: GatedModel, subject: Subject) -> _Verdict:
    accept = f"accept its terms at https://huggingface.co/{model.checkpoint}"
    if TOKEN_KEY in subject.needs.missing_secrets:
        command = f"pulumi config set --secret inferstack:{TOKEN_KEY} --stack {subject.needs.environment}"
        fix = f"{accept}, then: {command}"
        return Status.FAIL, "is gated and no token is configured", fix
    if model.gated is None:
        return Status.WARN, "may be gated: that is not established", f"--hub asks; if it is: {accept}"
    return Status.OK, "is gated and a token is configured; --hub tries HF_TOKEN", None


def _asked(model: GatedModel) -> _Verdict:
    token = os.environ.get("HF_TOKEN")
    try:
        answer = may_read(model.checkpoint, token)
    except HubError as error:
        return Status.UNKNOWN, f"could not be asked for: {error}", "run it again, or without --hub"
    if answer:
        return Status.OK, "can be read with HF_TOKEN" if token else "can be read without a token", None
    what = "cannot be read with HF_TOKEN" if token else "cannot be read without a token: HF_TOKEN is not set"
    return (
        Status.FAIL,
        what,
        f"accept its terms at https://huggingface.co/{model.checkpoint} as the token's owner",
    )


GATED_MODEL = Check(id="gated-model", title="Access to gated models", run=_run, online=False)
