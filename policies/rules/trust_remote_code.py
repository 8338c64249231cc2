"""INF-SEC-010: a model's repository does not get to run code."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from inferstack.policy.pods import POD_TYPES, all_containers
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View

FLAG = "--trust-remote-code"


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del context
    for container in all_containers(resource.type, view):
        words = chain.from_iterable(
            text.split() for text in (*container.texts("command"), *container.texts("args"))
        )
        for word in words:
            flag, _, value = word.strip("'\"").replace("_", "-").partition("=")
            if flag == FLAG and value.lower() not in ("false", "0"):
                yield fail(f"container {container.text('name')} starts with {FLAG}")
                break


RULE = ResourceRule(
    id="INF-SEC-010",
    title="No remote code from model repositories",
    severity=Severity.HIGH,
    rationale=(
        "The flag runs Python from the weights' repository with the pod's rights; vLLM had several "
        "holes around it."
    ),
    remediation=(
        "Serve a model that vLLM supports natively; if the code was reviewed at a pinned revision, waive it."
    ),
    url="https://docs.vllm.ai/en/latest/usage/security.html",
    tags=("vllm", "supply-chain"),
    frameworks=("CVE-2026-27893", "CVE-2026-22807"),
    types=POD_TYPES,
    check=check,
)
