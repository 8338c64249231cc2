"""INF-SEC-011: vLLM's development endpoints are off."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.pods import POD_TYPES, all_containers
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View

SWITCHES = ("VLLM_SERVER_DEV_MODE", "VLLM_ALLOW_INSECURE_SERIALIZATION", "VLLM_TORCH_PROFILER_DIR")
OFF = ("", "0", "false")


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del context
    for container in all_containers(resource.type, view):
        for variable in container.views("env"):
            name = variable.required_text("name")
            if name in SWITCHES and (
                variable.has("valueFrom") or (variable.text("value") or "").lower() not in OFF
            ):
                yield fail(f"container {container.text('name')} sets {name}")


RULE = ResourceRule(
    id="INF-SEC-011",
    title="vLLM's development mode is off",
    severity=Severity.CRITICAL,
    rationale=(
        "Development mode lets any caller put the server to sleep, reset its cache or run methods in "
        "its workers."
    ),
    remediation=(
        "Remove VLLM_SERVER_DEV_MODE, VLLM_ALLOW_INSECURE_SERIALIZATION and the profiler from the pod."
    ),
    url="https://docs.vllm.ai/en/latest/usage/security.html",
    tags=("vllm",),
    types=POD_TYPES,
    check=check,
)
