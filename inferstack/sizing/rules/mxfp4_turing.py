from __future__ import annotations

from inferstack.sizing.rules.rule import KernelCase, Rule


def _check(case: KernelCase) -> str | None:
    vllm = case.gpu.vllm
    if case.weights.quantization != "mxfp4" or vllm is None or vllm.mxfp4_native or vllm.mxfp4_marlin:
        return None
    return f"no MXFP4 kernel on {case.gpu.arch} (Marlin MXFP4 starts at compute capability 8.0)"


RULE = Rule[KernelCase](
    id="mxfp4-turing",
    title="MXFP4 does not run on Turing (T4)",
    effect="refuse",
    source="vLLM 0.33.0 docs/features/quantization/README.md: Turing does not support Marlin MXFP4",
    check=_check,
)
