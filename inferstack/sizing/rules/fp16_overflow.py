from __future__ import annotations

from inferstack.sizing.kernel_facts import kernel_facts
from inferstack.sizing.rules.rule import KernelCase, Rule


def _check(case: KernelCase) -> str | None:
    vllm = case.gpu.vllm
    if vllm is None or vllm.bf16:
        return None
    facts = kernel_facts()
    if case.architecture.model_type not in facts.fp16_unsupported_types and (
        case.family not in facts.fp16_unsupported_families
    ):
        return None
    return f"{case.gpu.id} has no bf16, and {case.family} overflows fp16"


RULE = Rule[KernelCase](
    id="fp16-overflow",
    title="Models that overflow fp16 (Gemma, GLM-4) cannot run on GPUs without bf16 (T4)",
    effect="refuse",
    source="vLLM 0.33.0 vllm/config/model.py _FLOAT16_NOT_SUPPORTED_MODELS",
    check=_check,
)
