from __future__ import annotations

from inferstack.sizing.rules.rule import Rule, SplitCase


def _check(case: SplitCase) -> str | None:
    architecture = case.architecture
    if architecture.mla is not None or architecture.kind == "encoder" or architecture.num_kv_heads >= case.tp:
        return None
    copies = case.tp // max(architecture.num_kv_heads, 1)
    return f"TP{case.tp} over {architecture.num_kv_heads} KV heads keeps every KV entry {copies} times"


RULE = Rule[SplitCase](
    id="kv-heads-replicated",
    title="Fewer KV heads than TP: the KV cache is replicated",
    effect="warn",
    source="vLLM 0.33.0 vllm/config/model.py get_num_kv_heads: max(1, kv_heads // tp)",
    check=_check,
)
