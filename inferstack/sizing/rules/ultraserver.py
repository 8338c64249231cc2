from __future__ import annotations

from inferstack.sizing.rules.rule import HostCase, Rule


def _check(case: HostCase) -> str | None:
    if case.instance.cpu_arch != "arm64":
        return None
    return "an arm64 UltraServer needs IMEX and DRA ComputeDomains, which this stack does not set up"


RULE = Rule[HostCase](
    id="ultraserver",
    title="arm64 UltraServers (p6e-gb200) need IMEX and ComputeDomains",
    effect="refuse",
    source="EKS user guide ml/ml-eks-optimized-ami (2026); NVIDIA DRA driver documentation",
    check=_check,
)
