from __future__ import annotations

from inferstack.sizing.rules.rule import HostCase, Rule


def _check(case: HostCase) -> str | None:
    if not case.instance.bare_metal:
        return None
    return "bare metal starts in minutes, not seconds, and cannot be replaced quickly"


RULE = Rule[HostCase](
    id="bare-metal",
    title="Bare metal is not planned: replacing a failed node takes too long",
    effect="refuse",
    source="judgement; EC2 user guide: metal instances take longer to launch than virtual ones",
    check=_check,
)
