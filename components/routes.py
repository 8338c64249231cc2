"""Which backends the gateway knows, and which data may reach them. Decided here, once, for every config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from components.facts import FallbackFacts, RouteFacts
from components.vllm_args import POOLING_TASKS
from inferstack.render import render_yaml

GATEWAY_TIMEOUT_S: Final = 600
"""Longest request the gateway waits for; the load balancer's idle timeout is the same."""
API_KEYS: Final = {
    "openai": "OPENAI_API_KEY",
    "together": "TOGETHERAI_API_KEY",
    "anyscale": "ANYSCALE_API_KEY",
    "huggingface": "HUGGINGFACE_API_KEY",
}
PREFIXES: Final = {
    "bedrock": "bedrock",
    "sagemaker": "sagemaker_chat",
    "openai": "openai",
    "together": "together_ai",
    "anyscale": "anyscale",
    "huggingface": "huggingface",
}
AWS_PROVIDERS: Final = ("bedrock", "sagemaker")


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

    @property
    def external(self) -> tuple[FallbackFacts, ...]:
        """Backends the workload's data may go to."""
        return tuple(item for item in self.fallbacks if item.enabled)

    @property
    def mode(self) -> str:
        if self.task in {"rerank", "reranker"}:
            return "rerank"
        return "embedding" if self.task in POOLING_TASKS else "chat"


def route_facts(backends: Sequence[Backend]) -> tuple[RouteFacts, ...]:
    found = []
    for backend in backends:
        own = RouteFacts(
            workload=backend.workload,
            classification=backend.classification,
            provider="vllm",
            model=backend.served_model_name,
            region=backend.region,
        )
        found.append(own)
        found += [
            RouteFacts(
                workload=backend.workload,
                classification=backend.classification,
                provider=item.provider,
                model=item.model,
                region=item.region,
            )
            for item in backend.external
        ]
    return tuple(found)


def providers(backends: Sequence[Backend]) -> tuple[str, ...]:
    """External providers that some route uses, sorted."""
    return tuple(sorted({item.provider for backend in backends for item in backend.external}))


def gateway_config(backends: Sequence[Backend], *, auth: str) -> Mapping[str, Any]:
    """LiteLLM's configuration: parsed, complete, with no key in it."""
    routes: list[dict[str, Any]] = []
    fallbacks: list[tuple[str, list[str]]] = []
    for backend in backends:
        routes.append(_own(backend))
        groups = [f"{backend.served_model_name}-fallback-{n}" for n, _ in enumerate(backend.external, 1)]
        routes += [
            _external(group, backend, item) for group, item in zip(groups, backend.external, strict=True)
        ]
        if groups:
            fallbacks.append((backend.served_model_name, groups))
    values = {"routes": routes, "fallbacks": fallbacks, "auth": auth, "timeout_s": GATEWAY_TIMEOUT_S}
    document: Mapping[str, Any] = render_yaml("gateway/litellm.yaml.j2", values)
    return document


def _own(backend: Backend) -> dict[str, Any]:
    parameters = {
        "model": f"hosted_vllm/{backend.served_model_name}",
        "api_base": backend.url,
        # vLLM itself asks for none: only the gateway reaches it
        "api_key": "none",
    }
    return {"group": backend.served_model_name, "mode": backend.mode, "parameters": parameters}


def _external(group: str, backend: Backend, item: FallbackFacts) -> dict[str, Any]:
    parameters = {"model": f"{PREFIXES[item.provider]}/{item.model}"}
    if item.provider in AWS_PROVIDERS:
        parameters["aws_region_name"] = item.region or backend.region
    else:
        parameters["api_key"] = f"os.environ/{API_KEYS[item.provider]}"
    if item.endpoint is not None:
        parameters["api_base"] = item.endpoint
    return {"group": group, "mode": backend.mode, "parameters": parameters}
