"""What a workload's spec says about speculative decoding and LoRA adapters, as the speed model takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from inferstack.catalog.resolve import resolve_model
from inferstack.errors import InputError
from inferstack.sizing.lora import ASSUMED_RANK
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
