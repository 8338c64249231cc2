from __future__ import annotations

from inferstack.sizing.rules.rule import Rule, SplitCase


def _check(case: SplitCase) -> str | None:
    heads = case.architecture.num_attention_heads
    if heads % case.tp == 0:
        return None
    return f"{heads} attention heads do not divide by TP{case.tp}"


RULE = Rule[SplitCase](
    id="heads-divide",
    title="Attention heads must divide by the tensor-parallel size",
    effect="refuse",
    code="heads",
    source="vLLM 0.33.0 vllm/config/model.py verify_with_parallel_config",
    check=_check,
)
