from __future__ import annotations

from inferstack.sizing.rules.rule import PlacementCase, Rule


def _check(case: PlacementCase) -> str | None:
    if case.nodes == 1 or case.instance.efa_max_interfaces > 0:
        return None
    return f"{case.nodes} nodes a replica need EFA, which {case.instance.id} does not have"


RULE = Rule[PlacementCase](
    id="multi-node-efa",
    title="A replica over several nodes needs EFA",
    effect="refuse",
    source="EKS user guide ml/device-management-efa; without EFA, NCCL falls back to TCP",
    check=_check,
)
