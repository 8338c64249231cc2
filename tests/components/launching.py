"""Command lines of model servers, taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.vllm_args import Launch, server_arguments
from inferstack.sizing.types import WorkloadPlan
from tests.components import builders


def pod(document: Mapping[str, Any]) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = document["spec"]["template"]["spec"]
    return spec


def flags(arguments: list[str]) -> dict[str, str]:
    """Flag to value; a bare flag has none."""
    found, position = {}, 1
    while position < len(arguments):
        value = arguments[position + 1] if position + 1 < len(arguments) else "--"
        bare = value.startswith("--")
        found[arguments[position]] = "" if bare else value
        position += 1 if bare else 2
    return found


def arguments(plan: WorkloadPlan, **changes: Any) -> list[str]:
    spec = builders.server_spec(plan, **changes)
    return server_arguments(
        Launch(
            plan=plan,
            weights_uri=spec.weights_uri,
            resources=spec.resources,
            times=spec.times,
            vllm_version="0.33.0",
            adapters=spec.adapters,
        )
    )
