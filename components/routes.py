"""Which backends the gateway knows, and which data may reach them. Decided here, once, for every config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from components.facts import RouteFacts
from components.served_facts import FallbackFacts
from components.vllm_args import POOLING_TASKS

API_KEYS: Final = {
    "openai": "OPENAI_API_KEY",
    "together": "TOGETHERAI_API_KEY",
    "anyscale": "ANYSCALE_API_KEY",
    "huggingface": "HUGGINGFACE_API_KEY",
}
AWS_PROVIDERS: Final = ("bedrock", "sagemaker")
ALL: Final = Decimal(100)


@dataclass(frozen=True, kw_only=True)
class Backend:
    """One workload as the gateway sees it."""

    workload: str
    served_model_name: str
    task: str
    url: str
    classification: str
    region: str
    fallbacks: tuple[FallbackFacts, ...]
    replaces: str | None = None
    """The workload whose callers it takes over."""
    traffic_percent: int | None = None
    """Of those callers' requests, now."""
    answers_to: tuple[str, ...] = ()
    """Names of versions that are gone."""
    usd_per_million_tokens: Decimal | None = None
    """What a token costs on the own replicas at the planned traffic: what budgets of teams are charged."""

    @property
    def external(self) -> tuple[FallbackFacts, ...]:
        """Backends the workload's data may go to."""
        return tuple(item for item in self.fallbacks if item.enabled)

    @property
    def mode(self) -> str:
        if self.task in {"rerank", "reranker"}:
            return "rerank"
        return "embedding" if self.task in POOLING_TASKS else "chat"


@dataclass(frozen=True, kw_only=True)
class Route:
    """One backend of a group; ``weight`` is its percentage of the group's requests."""

    backend: Backend
    external: FallbackFacts | None
    weight: Decimal


@dataclass(frozen=True, kw_only=True)
class Group:
    """A model name that callers use: who answers, and who steps in when that fails."""

    name: str
    routes: tuple[Route, ...]
    lead: Backend
    """Whose external backends step in: the version most requests go to in the end."""
    workload: str
    """Whose name it is; of a version that is gone, that version's."""

    @property
    def steps_in(self) -> tuple[FallbackFacts, ...]:
        return self.lead.external


def groups(backends: Sequence[Backend]) -> tuple[Group, ...]:
    """Every workload under its own name and those it answers to; the callers of one that is being replaced
    reach both versions, whatever name they use. By name: a rollout's end leaves the configuration as it is.
    """
    found: list[Group] = []
    for backend in backends:
        successor = _successor(backend, backends)
        own = _group(backend, successor)
        found += [own, *(replace(own, name=name, workload=name) for name in backend.answers_to)]
    return tuple(sorted(found, key=lambda group: group.name))


def _successor(backend: Backend, backends: Sequence[Backend]) -> Backend | None:
    found = (item for item in backends if item.replaces == backend.workload and item.traffic_percent)
    return next(found, None)


def _group(backend: Backend, successor: Backend | None) -> Group:
    moved = Decimal(successor.traffic_percent or 0) if successor is not None else Decimal(0)
    lead = successor if successor is not None and moved == ALL else backend
    shared = sum((ALL * (item.share or 0) for item in lead.external), Decimal(0))
    own = ALL - shared
    versions = [(backend, own * (ALL - moved) / ALL)]
    if successor is not None:
        versions.append((successor, own * moved / ALL))
    routes = [Route(backend=item, external=None, weight=weight) for item, weight in versions if weight]
    routes += [
        Route(backend=lead, external=item, weight=ALL * item.share) for item in lead.external if item.share
    ]
    return Group(name=backend.served_model_name, routes=tuple(routes), lead=lead, workload=backend.workload)


def route_facts(backends: Sequence[Backend]) -> tuple[RouteFacts, ...]:
    """Every backend that requests for a model name can reach, and how."""
    found: list[RouteFacts] = []
    for group in groups(backends):
        found += [
            _route_facts(group, route.backend, route.external, weight=route.weight) for route in group.routes
        ]
        found += [_route_facts(group, group.lead, item, weight=None) for item in group.steps_in]
    return tuple(found)


def _route_facts(
    group: Group, backend: Backend, external: FallbackFacts | None, *, weight: Decimal | None
) -> RouteFacts:
    return RouteFacts(
        group=group.name,
        workload=backend.workload,
        classification=backend.classification,
        provider=external.provider if external else "vllm",
        model=external.model if external else backend.served_model_name,
        region=external.region if external else backend.region,
        weight=weight.normalize() if weight is not None else None,
        reasons=external.reasons if external and weight is None else (),
    )


def providers(backends: Sequence[Backend]) -> tuple[str, ...]:
    """External providers that some route uses, sorted."""
    return tuple(sorted({item.provider for backend in backends for item in backend.external}))
