"""The alert on a new version that breaks a limit of its rollout, judged as `inferstack rollout` judges it.

The exact test is not to be had in PromQL; the score test comes near it, and the least numbers are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.rules import Alert
from inferstack.rollout.chance import FEWEST, FEWEST_BROKEN
from inferstack.rollout.queries import ITL, LATE, TTFT, Asked, Broken, errors, late

if TYPE_CHECKING:
    from components.watch import Watched

SIGMAS: Final = 1.645
"""Of a normal distribution, 5 % lies above."""


def rollout_rules(watched: Watched) -> Iterator[Alert]:
    """None for a workload that takes over from nothing."""
    limits = watched.takes_over
    if limits is None:
        return
    asked = Asked(workload=watched.label, window_s=limits.step_s)
    found = [("errors", errors(asked), limits.error_rate)] if watched.behind_gateway else []
    bounds = (("ttft", TTFT, limits.ttft_p95_ms), ("itl", ITL, limits.itl_p95_ms))
    found += [
        (name, late(asked, histogram, bound), LATE) for name, histogram, bound in bounds if bound is not None
    ]
    yield Alert(
        name="RolloutLimitBroken",
        expr=" or ".join(_exceeds(name, broken, limit) for name, broken, limit in found),
        severity="critical",
        summary=f"{watched.name}, a new version, breaks a limit of its rollout: set its traffic to 0",
    )


def _exceeds(name: str, broken: Broken, limit: float) -> str:
    beyond = f"({broken.share} - {limit:g}) / sqrt({limit * (1 - limit):.6g} / {broken.requests}) > {SIGMAS}"
    enough = f"{broken.requests} >= {FEWEST} and {broken.share} * {broken.requests} >= {FEWEST_BROKEN}"
    return f'label_replace({beyond} and {enough}, "limit", "{name}", "", "")'
