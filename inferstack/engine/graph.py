"""The resource graph of a program: what the engine hands to cost, policy, diff, manifests and report."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from inferstack.engine.urns import ROOT_STACK_TYPE
from inferstack.facts import ENVIRONMENT_TYPE
from inferstack.resources import Resource, ResourceIndex

if TYPE_CHECKING:
    from inferstack.engine.record import Diagnostic


_WHOLE: Final = frozenset({ROOT_STACK_TYPE, ENVIRONMENT_TYPE})


@dataclass(frozen=True)
class Graph(ResourceIndex):
    """Resources in apply order: parents, providers and dependencies first, ties by URN."""

    stack: str = ""
    project: str = ""
    config: Mapping[str, str] = field(default_factory=dict)
    """Stack configuration as the program saw it; secret values are ``[secret]``."""
    outputs: Mapping[str, object] = field(default_factory=dict)
    """What the stack exports."""
    diagnostics: tuple[Diagnostic, ...] = ()

    @cached_property
    def components(self) -> Mapping[str, str]:
        """URN → the component it belongs to, as a path of names below the environment (``cluster/pool``).

        A component belongs to itself; the environment, and what is directly under it or under the stack,
        belong to ``""``.
        """
        return {resource.urn: self._component(resource) for resource in self.resources}

    def _component(self, resource: Resource) -> str:
        own = () if resource.custom else (resource,)
        path = [found.name for found in (*own, *self.ancestors(resource)) if found.type not in _WHOLE]
        return "/".join(reversed(path))

    def managed(self) -> tuple[Resource, ...]:
        """What a provider really creates: no components, no providers, no stack."""
        return tuple(
            found for found in self.resources if found.custom and not found.type.startswith("pulumi:")
        )


def in_apply_order(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """Topological order with ties by URN, so that the order never depends on timing.

    References to URNs that are not in ``resources`` are ignored. Resources on a cycle (a parent that
    depends on its own child) come last, by URN.
    """
    by_urn = {resource.urn: resource for resource in resources}
    waiting = {urn: _needs(resource) & by_urn.keys() - {urn} for urn, resource in by_urn.items()}
    dependants: dict[str, list[str]] = {}
    for urn, needs in waiting.items():
        for need in needs:
            dependants.setdefault(need, []).append(urn)
    ready = [urn for urn, needs in waiting.items() if not needs]
    heapq.heapify(ready)
    ordered: list[Resource] = []
    while ready:
        urn = heapq.heappop(ready)
        ordered.append(by_urn.pop(urn))
        for dependant in dependants.get(urn, ()):
            waiting[dependant].discard(urn)
            if not waiting[dependant]:
                heapq.heappush(ready, dependant)
    return (*ordered, *(by_urn[urn] for urn in sorted(by_urn)))


def _needs(resource: Resource) -> set[str]:
    return {urn for urn in (resource.parent, resource.provider, *resource.dependencies) if urn}
