from __future__ import annotations

from inferstack.sizing.rules.rule import KernelCase, Rule


def _check(case: KernelCase) -> str | None:
    vllm = case.gpu.vllm
    if case.weights.quantization != "nvfp4" or vllm is None or vllm.nvfp4_native_w4a4:
        return None
    return f"NVFP4 is native on Blackwell only: on {case.gpu.id} it runs weight-only (Marlin W4A16)"


RULE = Rule[KernelCase](
    id="nvfp4-weight-only",
    title="NVFP4 multiplies in 4 bits on Blackwell only",
    effect="warn",
    source="vLLM 0.33.0 docs/features/quantization/modelopt.md: falls back to W4A16 Marlin with a warning",
    check=_check,
)
