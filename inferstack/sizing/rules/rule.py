"""What a field rule is, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from inferstack.catalog.types import Accelerator, Architecture, InstanceType
from inferstack.sizing.checkpoints import Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCase:
    """An instance type and its GPU, before any model is thought of."""

    instance: InstanceType
    gpu: Accelerator
    purchases: tuple[str, ...] = ("on-demand",)


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelCase:
    """A model's weights in one format, and a KV cache dtype, on one GPU generation."""

    architecture: Architecture
    family: str
    weights: Weights
    kv_cache_dtype: str
    gpu: Accelerator


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitCase:
    """Weights cut over ``tp * pp * dp`` GPUs on ``nodes`` nodes."""

    architecture: Architecture
    weights: Weights
    gpu: Accelerator
    tp: int
    pp: int
    nodes: int = 1
    expert_parallel: bool = False
    dp: int = 1
    """Ranks that share the experts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementCase:
    """A fitting split on a real instance type."""

    instance: InstanceType
    gpus_used: int
    nodes: int
    weights_gib: float
    """Of one replica, all GPUs together."""
    replicas_per_node: int


CaseT = TypeVar("CaseT", HostCase, KernelCase, SplitCase, PlacementCase)
Code = Literal["hardware-rule", "heads"]


@dataclass(frozen=True, kw_only=True)
class Rule(Generic[CaseT]):
    """One thing the field has learnt. ``check`` returns the reason when the rule applies, else None.

    ``refuse`` rules take the candidate out; ``warn`` rules follow it into the plan as a note.
    """

    id: str
    title: str
    effect: Literal["refuse", "warn"]
    source: str
    check: Callable[[CaseT], str | None]
    code: Code = "hardware-rule"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules said: the first refusal, or the warnings."""

    refused_by: str | None = None
    code: Code = "hardware-rule"
    reason: str = ""
    warnings: tuple[str, ...] = ()


def judge(rules: tuple[Rule[CaseT], ...], case: CaseT) -> Verdict:
    """Apply ``rules`` in order; the first refusal ends it."""
    warnings: list[str] = []
    for rule in rules:
        reason = rule.check(case)
        if reason is None:
            continue
        if rule.effect == "refuse":
            return Verdict(rule.id, rule.code, reason)
        warnings.append(reason)
    return Verdict(warnings=tuple(warnings))
