"""Field rules: what costs people nights, each in its own file, applied in the order of these lists."""

from __future__ import annotations

from typing import Final

from inferstack.sizing.rules import (
    bare_metal,
    capacity_block_only,
    fp8_block_shards,
    fp8_missing,
    fp8_weight_only,
    fp16_cast,
    fp16_overflow,
    fractional_gpu,
    heads_divide,
    host_memory,
    host_processes,
    int8_blackwell,
    kv_fp8,
    kv_heads_replicated,
    layers_divide,
    multi_node_efa,
    mxfp4_turing,
    node_image,
    nvfp4_weight_only,
    out_of_image,
    pcie_tensor_parallel,
    ranks_step_together,
    sparse_attention,
    ultraserver,
    unsupported_gpu,
)
from inferstack.sizing.rules.rule import (
    HostCase,
    KernelCase,
    PlacementCase,
    Rule,
    SplitCase,
    Verdict,
    judge,
)

HOST_RULES: Final = (
    unsupported_gpu.RULE,
    fractional_gpu.RULE,
    ultraserver.RULE,
    node_image.RULE,
    bare_metal.RULE,
    capacity_block_only.RULE,
)
KERNEL_RULES: Final = (
    out_of_image.RULE,
    int8_blackwell.RULE,
    fp8_missing.RULE,
    mxfp4_turing.RULE,
    fp16_overflow.RULE,
    sparse_attention.RULE,
    kv_fp8.RULE,
    fp8_weight_only.RULE,
    nvfp4_weight_only.RULE,
    fp16_cast.RULE,
)
SPLIT_RULES: Final = (
    heads_divide.RULE,
    layers_divide.RULE,
    fp8_block_shards.RULE,
    kv_heads_replicated.RULE,
    pcie_tensor_parallel.RULE,
    ranks_step_together.RULE,
)
PLACEMENT_RULES: Final = (multi_node_efa.RULE, host_processes.RULE, host_memory.RULE)

__all__ = [
    "HOST_RULES",
    "KERNEL_RULES",
    "PLACEMENT_RULES",
    "SPLIT_RULES",
    "HostCase",
    "KernelCase",
    "PlacementCase",
    "Rule",
    "SplitCase",
    "Verdict",
    "judge",
]
