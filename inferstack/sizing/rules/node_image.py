from __future__ import annotations

from inferstack.sizing.rules.rule import HostCase, Rule


def _check(case: HostCase) -> str | None:
    if case.instance.ami_al2023 is not None:
        return None
    why = case.instance.exclusion or case.instance.note or "the stock AMI has no driver for it"
    return f"no stock EKS NVIDIA image: {why}"


RULE = Rule[HostCase](
    id="node-image",
    title="No stock EKS GPU image runs the instance type (g7 needs NVIDIA driver 595, the AMI ships 580)",
    effect="refuse",
    source="EKS user guide ml/ml-eks-optimized-ami and ml/ml-cluster-setup-cli (2026)",
    check=_check,
)
