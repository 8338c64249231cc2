from __future__ import annotations

import math

from inferstack.sizing.kernel_facts import kernel_facts
from inferstack.sizing.rules.rule import Rule, SplitCase


def _check(case: SplitCase) -> str | None:
    block = case.weights.scale_block
    if block is None or case.tp == 1:
        return None
    return _dense_shard(case, block) or _expert_shard(case, block)


def _dense_shard(case: SplitCase, block: int) -> str | None:
    architecture = case.architecture
    width = architecture.intermediate_size
    all_experts = architecture.moe is not None and not (
        architecture.moe.first_dense_layers or architecture.moe.dense_layers
    )
    if width is None or all_experts or _whole(width, case.tp, block):
        return None
    return (
        f"MLP width {width} / TP{case.tp} is not a multiple of the FP8 scale block {block}: it does not load"
    )


def _expert_shard(case: SplitCase, block: int) -> str | None:
    moe = case.architecture.moe
    if moe is None or case.expert_parallel or _whole(moe.moe_intermediate_size, case.tp, block):
        return None
    width = moe.moe_intermediate_size
    smallest = kernel_facts().fp8_smallest_block
    if width % case.tp == 0 and math.gcd(block, width // case.tp) >= smallest:
        return None
    return f"expert width {width} / TP{case.tp} cannot be cut into FP8 scale blocks of {smallest} or more"


def _whole(width: int, tp: int, block: int) -> bool:
    return width % tp == 0 and (width // tp) % block == 0


RULE = Rule[SplitCase](
    id="fp8-block-shards",
    title="Block-scaled FP8 weights must split into whole scale blocks",
    effect="refuse",
    source="vLLM 0.33.0 validate_fp8_block_shape, refine_fp8_moe_block_shape; vllm issues 17569, 54178",
    check=_check,
)
