from __future__ import annotations

from inferstack.sizing.rules.rule import KernelCase, Rule


def _check(case: KernelCase) -> str | None:
    vllm = case.gpu.vllm
    if vllm is None or vllm.bf16 or case.architecture.native_dtype != "bf16":
        return None
    return f"{case.gpu.id} has no bf16: activations run in fp16 (--dtype half), evaluate before use"


RULE = Rule[KernelCase](
    id="fp16-cast",
    title="GPUs without bf16 (T4) run bf16 models in fp16",
    effect="warn",
    source="vLLM 0.33.0 vllm/platforms/cuda.py check_if_supports_dtype: bf16 needs compute capability 8.0",
    check=_check,
)
