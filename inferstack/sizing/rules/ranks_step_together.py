from __future__ import annotations

from inferstack.sizing.rules.rule import Rule, SplitCase


def _check(case: SplitCase) -> str | None:
    if case.dp == 1:
        return None
    text = f"{case.dp} data-parallel ranks step together: a long prompt on one holds up all"
    if not case.gpu.nvlink_gb_per_s_bidirectional:
        text += ", and over PCIe each layer of experts gathers every token through the host"
    return f"{text}; no measured run of vLLM backs the prediction, load test before production"


RULE = Rule[SplitCase](
    id="ranks-step-together",
    title="Data-parallel ranks that share experts run in lock step",
    effect="warn",
    source="vLLM 0.33.0 v1/engine/core.py DPEngineCoreProc, v1/worker/dp_utils.py",
    check=_check,
)
