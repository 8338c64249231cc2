from __future__ import annotations

from inferstack.sizing.rules.rule import PlacementCase, Rule


def _check(case: PlacementCase) -> str | None:
    held = case.weights_gib / case.nodes * case.replicas_per_node
    if held <= case.instance.memory_gib:
        return None
    return (
        f"weights of {held:.0f} GiB exceed the node's {case.instance.memory_gib:.0f} GiB of memory:"
        " stream them to the GPU, no page cache and no KV offload"
    )


RULE = Rule[PlacementCase](
    id="host-memory",
    title="Host memory smaller than the weights: streaming only",
    effect="warn",
    source="judgement: loading through mmap or a streamer works, pinned buffers and KV offload do not",
    check=_check,
)
