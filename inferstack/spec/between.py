"""Workloads of one environment against each other and against its gateway: names that must meet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from inferstack.spec.problems import Finding

if TYPE_CHECKING:
    from inferstack.spec.environment import Environment
    from inferstack.spec.workload import Workload


def check_gateway(environment: Environment, workloads: Sequence[Workload]) -> Iterator[Finding]:
    """Teams and cache name workloads that exist. Only for environments whose workloads were all read."""
    gateway = environment.gateway
    if gateway is None:
        return
    names = sorted(name for workload in workloads for name in (workload.name, *workload.answers_to))
    accepted = ", ".join(names) or "a workload of this environment"
    for place, team in enumerate(gateway.teams):
        for index, name in enumerate(team.models):
            if name not in names:
                model = ("gateway", "teams", place, "models", index)
                yield Finding(path=model, message="no such workload here", accepted=accepted)
    embedding = gateway.cache.embedding
    if embedding is not None and embedding not in names:
        path = ("gateway", "cache", "embedding")
        yield Finding(path=path, message="no such workload here", accepted=accepted)


def check_workload_among(
    workload: Workload, others: Sequence[Workload], environment: Environment
) -> Iterator[Finding]:
    """A version that takes over needs what it replaces; a name has one owner."""
    yield from _names_of_its_own(workload, others)
    if workload.rollout.replaces is not None:
        yield from _takes_over(workload, others)
    if environment.gateway is None:
        names = ((workload.rollout.replaces, ("rollout", "replaces")), (workload.answers_to, ("answersTo",)))
        for path in (path for name, path in names if name):
            message = "the environment has no gateway, and nothing else shares callers or knows a second name"
            yield Finding(
                path=path, message=message, accepted="a `gateway` in environment.yaml, or leave it out"
            )


def _names_of_its_own(workload: Workload, others: Sequence[Workload]) -> Iterator[Finding]:
    for index, name in enumerate(workload.answers_to):
        path = ("answersTo", index)
        if any(other.name == name for other in others):
            accepted = "rollout.replaces while it runs; its file removed, then answersTo"
            yield Finding(path=path, message=f"{name} is a workload of its own here", accepted=accepted)
        for other in others:
            if name in other.answers_to:
                yield Finding(path=path, message=f"{other.name} answers to it too", accepted="one of them")


def _takes_over(workload: Workload, others: Sequence[Workload]) -> Iterator[Finding]:
    name, path = workload.rollout.replaces, ("rollout", "replaces")
    old = next((other for other in others if other.name == name), None)
    holder = next((other for other in others if name in other.answers_to), None)
    if holder is not None:
        yield Finding(path=path, message=f"{name} is another name of {holder.name}", accepted=holder.name)
        return
    if old is None:
        accepted = ", ".join(other.name for other in others) or "another workload of this environment"
        yield Finding(path=path, message="no such workload beside this one", accepted=accepted)
        return
    if old.rollout.replaces is not None:
        message = f"{name} itself takes over from {old.rollout.replaces}"
        yield Finding(path=path, message=message, accepted=old.rollout.replaces)
    rivals = [other.name for other in others if other.rollout.replaces == name]
    if rivals:
        message = f"{rivals[0]} takes over from {name} too"
        yield Finding(path=path, message=message, accepted="one new version at a time")
    if old.data.classification != workload.data.classification:
        message = (
            f"{name} holds {old.data.classification} data, this version is for {workload.data.classification}"
        )
        accepted = f"data.classification: {old.data.classification}"
        yield Finding(path=path, message=message, accepted=accepted)
    yield from _same_rules(workload, old)


def _same_rules(workload: Workload, old: Workload) -> Iterator[Finding]:
    """The new version may not do with the old one's callers what the old one may not."""
    if sorted(old.data.residency) != sorted(workload.data.residency):
        here = ", ".join(old.data.residency) or "the environment's residency"
        message = f"{old.name} keeps its data in {here}, this version does not say the same"
        accepted = (
            f"data.residency: [{', '.join(old.data.residency)}]" if old.data.residency else "leave it out"
        )
        yield Finding(path=("rollout", "replaces"), message=message, accepted=accepted)
    missing = [item for item in old.data.regulations if item not in workload.data.regulations]
    if missing:
        message = f"{old.name} falls under {', '.join(missing)}, this version does not"
        accepted = f"data.regulations: [{', '.join(old.data.regulations)}]"
        yield Finding(path=("rollout", "replaces"), message=message, accepted=accepted)
