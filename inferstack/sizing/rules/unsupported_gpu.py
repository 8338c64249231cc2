from __future__ import annotations

from inferstack.sizing.rules.rule import HostCase, Rule


def _check(case: HostCase) -> str | None:
    if case.gpu.vllm is not None and case.gpu.vllm.image_runs:
        return None
    has = case.gpu.compute_capability
    return f"{case.gpu.name} has compute capability {has}; the vLLM 0.33 image starts at 7.5"


RULE = Rule[HostCase](
    id="unsupported-gpu",
    title="The engine image has no code for the GPU (V100 and older)",
    effect="refuse",
    source="vLLM 0.33.0 docker/Dockerfile torch_cuda_arch_list; CUDA 13 dropped sm_70",
    check=_check,
)
