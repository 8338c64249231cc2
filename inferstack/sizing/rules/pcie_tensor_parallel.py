from __future__ import annotations

from inferstack.sizing.kernel_facts import kernel_facts
from inferstack.sizing.rules.rule import Rule, SplitCase


def _check(case: SplitCase) -> str | None:
    limit = kernel_facts().custom_all_reduce_pcie_gpus
    if case.gpu.nvlink_gb_per_s_bidirectional or case.tp <= limit:
        return None
    text = f"TP{case.tp} over PCIe: no custom all-reduce beyond {limit} GPUs, latency pays for it"
    if case.tp >= 8:
        return f"{text}; eight PCIe GPUs also cross the CPU sockets"
    return text


RULE = Rule[SplitCase](
    id="pcie-tensor-parallel",
    title="Tensor parallelism over PCIe loses the custom all-reduce above two GPUs",
    effect="warn",
    source="vLLM 0.33.0 device_communicators/custom_all_reduce.py; aiconfigurator 1346, vllm 51513",
    check=_check,
)
