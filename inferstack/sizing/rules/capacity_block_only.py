from __future__ import annotations

from inferstack.sizing.rules.rule import HostCase, Rule


def _check(case: HostCase) -> str | None:
    if not case.instance.capacity_block_only or "capacity-block" in case.purchases:
        return None
    return "sold as Capacity Blocks only: prepaid, one zone, ends on a date"


RULE = Rule[HostCase](
    id="capacity-block-only",
    title="Types without On-Demand sale (p5e, p6e) need purchase: capacity-block",
    effect="refuse",
    source="EC2 Capacity Blocks for ML; no public On-Demand price for p5e and p6e-gb200",
    check=_check,
)
