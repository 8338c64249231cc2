from __future__ import annotations

from inferstack.sizing.rules.rule import KernelCase, Rule


def _check(case: KernelCase) -> str | None:
    vllm = case.gpu.vllm
    if not case.weights.quantization.startswith("fp8") or vllm is None:
        return None
    if vllm.fp8_w8a8_native or vllm.fp8_w8a16_marlin:
        return None
    return f"no FP8 kernel, native or weight-only, on {case.gpu.id}"


RULE = Rule[KernelCase](
    id="fp8-missing",
    title="FP8 weights need at least the Marlin kernel (compute capability 7.5)",
    effect="refuse",
    source="vLLM 0.33.0 quantization/fp8.py get_min_capability 75",
    check=_check,
)
