from __future__ import annotations

from inferstack.sizing.rules.rule import KernelCase, Rule


def _check(case: KernelCase) -> str | None:
    vllm = case.gpu.vllm
    if not case.kv_cache_dtype.startswith("fp8") or vllm is None or vllm.kv_cache_fp8:
        return None
    return f"an FP8 KV cache is not supported on {case.gpu.id}" + (
        f" ({vllm.kv_cache_fp8_note})" if vllm.kv_cache_fp8_note else ""
    )


RULE = Rule[KernelCase](
    id="kv-fp8",
    title="FP8 KV cache only where an attention backend computes with it",
    effect="refuse",
    source="vLLM 0.33.0 docs/features/quantization/quantized_kvcache.md; catalog: kv_cache_fp8 per GPU",
    check=_check,
)
