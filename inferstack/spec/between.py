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
    names = sorted(workload.name for workload in workloads)
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


def check_workload_among(workload: Workload, others: Sequence[Workload]) -> Iterator[Finding]:
    """A version that takes over needs what it replaces."""
    if workload.rollout.replaces is not None:
        yield from _takes_over(workload, others)


def _takes_over(workload: Workload, others: Sequence[Workload]) -> Iterator[Finding]:
    name, path = workload.rollout.replaces, ("rollout", "replaces")
    old = next((other for other in others if other.name == name), None)
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
