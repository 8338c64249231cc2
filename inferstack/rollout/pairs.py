"""New versions of an environment and what they take over from, read from its files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from inferstack.errors import InputError, Problem
from inferstack.rollout.types import Pair
from inferstack.sizing.subject import subject
from inferstack.spec.derive import levels_of, limits_of, task_of

if TYPE_CHECKING:
    from pathlib import Path

    from inferstack.catalog.load import Catalog
    from inferstack.spec.load import LoadedEnvironment
    from inferstack.spec.workload import Workload

BLUE_GREEN: Final = (100,)


def pairs(loaded: LoadedEnvironment, catalog: Catalog) -> tuple[Pair, ...]:
    """Every version that takes over from another."""
    by_name = {workload.name: workload for workload in loaded.workloads}
    return tuple(
        _pair(workload, by_name[workload.rollout.replaces], loaded.files[workload.name], catalog)
        for workload in loaded.workloads
        if workload.rollout.replaces is not None
    )


def chosen(found: Sequence[Pair], workload: str | None) -> tuple[Pair, ...]:
    """All, or the one of a workload: its own name or the one it replaces."""
    if workload is None:
        return tuple(found)
    named = tuple(pair for pair in found if workload in (pair.workload, pair.replaces))
    if not named:
        accepted = (
            ", ".join(pair.workload for pair in found) or "a workload with rollout.replaces; there is none"
        )
        raise InputError(
            Problem(message="takes over from nothing", path="WORKLOAD", value=workload, accepted=accepted)
        )
    return named


def _pair(new: Workload, old: Workload, file: Path, catalog: Catalog) -> Pair:
    rollout, model = new.rollout, new.model
    served = subject(catalog, model.id, model.hf_config, model.quantization)
    levels = levels_of(new, task_of(new, served.model.task if served.model is not None else None))
    return Pair(
        workload=new.name,
        replaces=old.name,
        file=file,
        strategy=rollout.strategy,
        steps=rollout.steps if rollout.strategy == "canary" else BLUE_GREEN,
        traffic=rollout.traffic or 0,
        limits=limits_of(
            rollout,
            availability=levels.availability,
            ttft_p95_ms=levels.ttft_p95_ms,
            itl_p95_ms=levels.itl_p95_ms,
        ),
        old_answers_to=old.answers_to,
        new_answers_to=new.answers_to,
    )
