"""Arguments of a spec that the planned engine would refuse to start with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from inferstack.errors import InputError, Problem

if TYPE_CHECKING:
    from inferstack.sizing.query import Feasible


def check_conflicts(chosen: Feasible, extra: Mapping[str, str]) -> None:
    """InputError with all of them."""
    problems = [*_precision(chosen, extra), *_experts(chosen, extra)]
    if problems:
        raise InputError(*problems)


def _precision(chosen: Feasible, extra: Mapping[str, str]) -> Iterator[Problem]:
    dtype = extra.get("--dtype")
    if chosen.option.casts_to_fp16 and dtype == "bfloat16":
        yield Problem(
            path="serving.vllm.dtype",
            message=f"the plan runs on {chosen.option.gpu.id}, which has no bfloat16",
            value=dtype,
            accepted="half, or leave it out",
        )


def _experts(chosen: Feasible, extra: Mapping[str, str]) -> Iterator[Problem]:
    deployment = chosen.option.deployment
    if "--enable-expert-parallel" in extra and deployment.architecture.moe is None:
        yield Problem(
            path="serving.vllm.enable-expert-parallel",
            message=f"{deployment.model_id} has no experts, and vLLM refuses to start",
            accepted="false, or leave it out",
        )
