"""Facts about vLLM's kernels that rules need, read once from ``data/vllm_kernels.json``."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

_FILE = Path(__file__).parent / "data" / "vllm_kernels.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelFacts:
    """Field by field what the file holds; see there for the sources."""

    fp16_unsupported_types: frozenset[str]
    fp16_unsupported_families: frozenset[str]
    fp8_block: int
    fp8_smallest_block: int
    fp8_block_native_capability: Decimal
    fp8_block_owners: frozenset[str]
    fp8_block_suffixes: tuple[str, ...]
    sparse_attention_capability: Decimal
    custom_all_reduce_pcie_gpus: int


@functools.cache
def kernel_facts() -> KernelFacts:
    """The parsed file; the same object every time."""
    raw = json.loads(_FILE.read_text(encoding="utf-8"))
    return KernelFacts(
        fp16_unsupported_types=frozenset(raw["fp16_unsupported_model_types"]["types"]),
        fp16_unsupported_families=frozenset(raw["fp16_unsupported_families"]["families"]),
        fp8_block=raw["fp8_block"]["size"],
        fp8_smallest_block=raw["fp8_block"]["smallest_refined_block"],
        fp8_block_native_capability=Decimal(raw["fp8_block"]["native_min_compute_capability"]),
        fp8_block_owners=frozenset(raw["fp8_block"]["owners"]),
        fp8_block_suffixes=tuple(raw["fp8_block"]["name_suffixes"]),
        sparse_attention_capability=Decimal(raw["sparse_attention"]["min_compute_capability"]),
        custom_all_reduce_pcie_gpus=raw["custom_all_reduce"]["max_pcie_gpus"],
    )
