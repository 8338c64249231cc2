from __future__ import annotations

from inferstack.sizing.kernel_facts import kernel_facts
from inferstack.sizing.rules.rule import KernelCase, Rule


def _check(case: KernelCase) -> str | None:
    if "spars" not in case.architecture.attention:
        return None
    needed = kernel_facts().sparse_attention_capability
    if case.gpu.compute_capability >= needed:
        return None
    return (
        f"sparse attention needs compute capability {needed}; {case.gpu.id} has {case.gpu.compute_capability}"
    )


RULE = Rule[KernelCase](
    id="sparse-attention",
    title="Sparse-attention models (DeepSeek V3.2 and V4, GLM-5, MiniMax M3) need Hopper or newer",
    effect="refuse",
    source="vLLM 0.33.0 v1/attention/backends/mla/*_sparse*.py supports_compute_capability",
    check=_check,
)
