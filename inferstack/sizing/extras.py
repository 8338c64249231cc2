"""What a workload's spec says about speculative decoding, LoRA adapters and data-parallel ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from inferstack.catalog.resolve import resolve_model
from inferstack.errors import InputError, Problem
from inferstack.sizing.lora import ASSUMED_RANK
from inferstack.sizing.parallelism import RANKS
from inferstack.sizing.speculation import default_acceptance_rate, tokens_per_step
from inferstack.sizing.types import Adapters, Speculation
from inferstack.sizing.vllm_args import DEFAULT_LORA_RANK, ENCODER_TASKS

if TYPE_CHECKING:
    from inferstack.catalog.types import Architecture
    from inferstack.spec.defaults import Task
    from inferstack.spec.workload import Workload

_DRAFT: Final = "draft_model"


def speculation_of(workload: Workload, task: Task) -> Speculation | None:
    """None: not asked for, or its second model is outside the catalog (the plan warns)."""
    asked = workload.serving.speculative
    if asked is None or task in ENCODER_TASKS:
        return None
    draft = _network(asked.draft) if asked.method == _DRAFT else None
    if asked.method == _DRAFT and draft is None:
        return None
    return Speculation(
        method=asked.method,
        tokens=asked.tokens,
        acceptance_rate=default_acceptance_rate(asked.method),
        draft=draft,
    )


def _network(draft: str | None) -> Architecture | None:
    if draft is None or draft.startswith("s3://"):
        return None
    try:
        return resolve_model(draft).architecture
    except InputError:
        return None


def adapters_of(workload: Workload) -> Adapters | None:
    """All adapters at their largest rank; memory is kept for what vLLM is told."""
    adapters = workload.model.adapters
    if not adapters:
        return None
    ranks = [adapter.rank for adapter in adapters if adapter.rank is not None]
    return Adapters(
        count=len(adapters),
        rank=max(ranks, default=ASSUMED_RANK),
        slot_rank=max(ranks) if ranks else DEFAULT_LORA_RANK,
    )


def asked_ranks(workload: Workload, model_id: str, architecture: Architecture) -> int | None:
    """``serving.dataParallel``; None: the plan chooses. InputError for what vLLM or the model cannot do."""
    asked = workload.serving.data_parallel
    whole_experts = workload.serving.vllm.get("enable-expert-parallel") is not False
    if asked == "auto":
        return None if architecture.moe is not None and whole_experts else 1
    problem = _wrong_ranks(asked, model_id, architecture, whole_experts=whole_experts)
    if problem is not None:
        raise InputError(problem)
    return asked


def _wrong_ranks(
    asked: int, model_id: str, architecture: Architecture, *, whole_experts: bool
) -> Problem | None:
    if asked == 1:
        return None
    message, accepted = "", "1 or auto"
    if asked not in RANKS:
        message, accepted = "GPUs of a node are not divided so", ", ".join(map(str, RANKS))
    elif architecture.moe is None:
        message = (
            f"{model_id} has no experts that ranks could share; replicas (capacity.replicas) do the same"
        )
    elif asked > architecture.moe.num_experts:
        message = f"{model_id} has {architecture.moe.num_experts} experts"
    elif not whole_experts:
        message = "ranks share whole experts, and serving.vllm.enable-expert-parallel is false"
    if not message:
        return None
    return Problem(path="serving.dataParallel", message=message, value=str(asked), accepted=accepted)


def extra_assumptions(
    workload: Workload, speculation: Speculation | None, adapters: Adapters | None
) -> tuple[str, ...]:
    """What was taken for granted about both, in words."""
    found = []
    if speculation is not None:
        gain = tokens_per_step(speculation)
        found.append(
            f"{speculation.acceptance_rate:.0%} of guessed tokens accepted ({speculation.method}, "
            f"{speculation.tokens} at a time): {gain:.2f} tokens come together; yours depend on the texts"
        )
    if adapters is not None and all(adapter.rank is None for adapter in workload.model.adapters):
        found.append(f"LoRA rank {adapters.rank} (model.adapters[].rank says it)")
    return tuple(found)
