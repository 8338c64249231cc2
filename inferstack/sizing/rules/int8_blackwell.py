from __future__ import annotations

from inferstack.sizing.rules.rule import KernelCase, Rule


def _check(case: KernelCase) -> str | None:
    vllm = case.gpu.vllm
    if case.weights.quantization != "int8" or vllm is None or vllm.int8_w8a8:
        return None
    return f"INT8 W8A8 has no kernel on {case.gpu.arch} (compute capability {case.gpu.compute_capability})"


RULE = Rule[KernelCase](
    id="int8-blackwell",
    title="INT8 W8A8 does not run on Blackwell",
    effect="refuse",
    source="vLLM 0.33.0 docs/features/quantization/llm_compressor/int8_w8a8.md: below 10.0",
    check=_check,
)
