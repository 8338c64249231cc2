from __future__ import annotations

from inferstack.sizing.rules.rule import HostCase, Rule


def _check(case: HostCase) -> str | None:
    if case.instance.gpu_fraction >= 1:
        return None
    share = f"{case.instance.gpu_fraction:g} of an {case.gpu.id}"
    return (
        f"{share} ({case.instance.gpu_memory_mib_each / 1024:.1f} GiB) is a vGPU slice, not a serving target"
    )


RULE = Rule[HostCase](
    id="fractional-gpu",
    title="A slice of a GPU (g6f, gr6f) is never planned for serving",
    effect="refuse",
    source="EC2 g6f: GRID vGPU partitions of 2.8 to 11.2 GiB",
    check=_check,
)
