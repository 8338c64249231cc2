from __future__ import annotations

from inferstack.sizing.kernel_facts import kernel_facts
from inferstack.sizing.rules.rule import KernelCase, Rule


def _check(case: KernelCase) -> str | None:
    vllm = case.gpu.vllm
    if case.weights.quantization not in {"fp8", "mxfp8"} or vllm is None:
        return None
    if not vllm.fp8_w8a8_native:
        if not vllm.fp8_w8a16_marlin:
            return None
        return f"FP8 on {case.gpu.id} is weight-only (Marlin W8A16): it saves memory, prompts get no faster"
    if case.weights.scale_block and case.gpu.compute_capability < kernel_facts().fp8_block_native_capability:
        return f"block-scaled FP8 on {case.gpu.id} is weight-only (Marlin): prompts get no faster"
    return None


RULE = Rule[KernelCase](
    id="fp8-weight-only",
    title="FP8 below compute capability 8.9 (block-scaled FP8: below 9.0) saves memory only",
    effect="warn",
    source="vLLM 0.33.0 platforms/cuda.py supports_fp8; kernels/linear _POSSIBLE_FP8_BLOCK_KERNELS",
    check=_check,
)
