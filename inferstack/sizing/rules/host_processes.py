from __future__ import annotations

from inferstack.sizing.rules.rule import PlacementCase, Rule

_GIB_PER_GPU_PROCESS = 5
_GIB_FOR_THE_NODE = 4


def _check(case: PlacementCase) -> str | None:
    processes = case.gpus_used * case.replicas_per_node // case.nodes
    needed = _GIB_FOR_THE_NODE + _GIB_PER_GPU_PROCESS * processes
    if case.instance.memory_gib >= needed and case.instance.vcpus >= 2 * processes:
        return None
    return (
        f"{case.instance.vcpus} vCPU and {case.instance.memory_gib:.0f} GiB are too few for"
        f" {processes} engine processes (2 vCPU and {_GIB_PER_GPU_PROCESS} GiB each)"
    )


RULE = Rule[PlacementCase](
    id="host-processes",
    title="Each GPU's engine process needs CPU and host memory",
    effect="refuse",
    source="judgement: CUDA context, Python and pinned buffers of one worker",
    check=_check,
)
