from __future__ import annotations

from inferstack.sizing.rules.rule import Rule, SplitCase


def _check(case: SplitCase) -> str | None:
    if case.pp == 1:
        return None
    if case.architecture.kind == "encoder":
        return "encoder models have no pipeline parallelism in vLLM"
    if case.architecture.num_layers < case.pp:
        return f"{case.architecture.num_layers} layers cannot fill {case.pp} pipeline stages"
    return None


RULE = Rule[SplitCase](
    id="layers-divide",
    title="Pipeline parallelism needs a decoder with enough layers",
    effect="refuse",
    source="vLLM 0.33.0 vllm/config/model.py: pipeline parallelism only for SupportsPP models",
    check=_check,
)
