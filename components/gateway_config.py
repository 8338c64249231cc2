"""LiteLLM's configuration: one group a model name, what steps in for it, and the guard beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from components.gateway_cache import CacheArgs
from components.gateway_times import RETRIES, GatewayTimes
from components.routes import API_KEYS, AWS_PROVIDERS, Backend, Group, Route, groups
from components.served_facts import FallbackFacts
from inferstack.facts import LITELLM_PREFIXES, may_leave
from inferstack.render import render_text, render_yaml

GUARD: Final = "gateway_guard.py"
CONFIG: Final = "config.yaml"
COOLDOWN_S: Final = 15
"""An external backend that failed three times in a minute is left alone for so long."""
OWN_COOLDOWN_S: Final = 0
"""Behind one address are many replicas: a bad one must not take all of them out."""

KEY_MEMORY_S: Final = 300
"""How long a pod goes on with keys and teams it has read: a failover of the database fits, twice."""


@dataclass(frozen=True, kw_only=True)
class GatewaySettings:
    """What the configuration depends on beside the backends."""

    auth: str
    times: GatewayTimes
    database: bool = False
    cache: CacheArgs | None = None

    def keeps(self, group: Group) -> bool:
        """Whether answers for a model name may be kept: every backend's data must be cleared for it."""
        if self.cache is None or any(route.backend.mode != "chat" for route in group.routes):
            return False
        classes = {route.backend.classification for route in group.routes}
        return all(may_leave(found, self.cache.max_classification) for found in classes)


def guard_text() -> str:
    """The program that LiteLLM loads beside its configuration."""
    return render_text(f"gateway/{GUARD}", {})


def gateway_config(backends: Sequence[Backend], settings: GatewaySettings) -> Mapping[str, Any]:
    """LiteLLM's configuration: parsed, complete, with no key in it."""
    routes: list[Mapping[str, Any]] = []
    fallbacks: list[tuple[str, list[str]]] = []
    for group in groups(backends):
        routes += [_entry(group, route, settings) for route in group.routes]
        names = fallback_groups(group)
        routes += [_step_in(group, name, number, settings.times) for number, name in enumerate(names)]
        if names:
            fallbacks.append((group.name, list(names)))
    values = {
        "routes": routes,
        "fallbacks": fallbacks,
        "auth": settings.auth,
        "database": settings.database,
        "cache": settings.cache,
        "timeout_s": settings.times.attempt_s,
        "retries": RETRIES,
        "cooldown_s": COOLDOWN_S,
        "key_memory_s": KEY_MEMORY_S,
        "guard": GUARD.removesuffix(".py"),
    }
    document: Mapping[str, Any] = render_yaml("gateway/litellm.yaml.j2", values)
    return document


def fallback_groups(group: Group) -> tuple[str, ...]:
    """Internal names of what steps in; callers cannot use them."""
    return tuple(f"{group.name}-fallback-{number}" for number, _ in enumerate(group.steps_in, 1))


def _entry(group: Group, route: Route, settings: GatewaySettings) -> dict[str, Any]:
    """A backend of a group. Weights only where there are several: one without beside others gets nothing."""
    backend, external, times = route.backend, route.external, settings.times
    parameters = _own(group, backend, times) if external is None else _external(backend, external, times)
    if len(group.routes) > 1:
        parameters["weight"] = float(route.weight)
    info = {
        "id": f"{group.name}/{external.provider if external else backend.workload}"
        + (f"/{external.model}" if external else ""),
        "external": external is not None,
        "callers": [group.name],
        "cached": settings.keeps(group),
    }
    if external is None:  # on /v1/responses LiteLLM does not see the parameters
        info["cooldown_time"] = OWN_COOLDOWN_S
    return _route(group.name, backend, parameters, info)


def _step_in(group: Group, name: str, number: int, times: GatewayTimes) -> dict[str, Any]:
    item = group.steps_in[number]
    info = {"id": name, "external": True, "callers": [group.name], "reasons": list(item.reasons)}
    return _route(name, group.lead, _external(group.lead, item, times), info)


def _route(
    name: str, backend: Backend, parameters: Mapping[str, Any], info: Mapping[str, Any]
) -> dict[str, Any]:
    facts = {"mode": backend.mode, "workload": backend.workload, "classification": backend.classification}
    return {"group": name, "parameters": parameters, "info": {**facts, **info}}


def _own(group: Group, backend: Backend, times: GatewayTimes) -> dict[str, Any]:
    patience = [item.after_s for item in group.steps_in if item.after_s is not None]
    limit = min([times.attempt_s, *patience])
    parameters: dict[str, Any] = {
        "model": f"hosted_vllm/{backend.served_model_name}",
        "api_base": backend.url,
        # vLLM itself asks for none: only the gateway reaches it
        "api_key": "none",
        "timeout": limit,
        "stream_timeout": limit,
        "cooldown_time": OWN_COOLDOWN_S,
    }
    if backend.usd_per_million_tokens is not None:
        price = float(backend.usd_per_million_tokens / Decimal(1_000_000))
        parameters |= {"input_cost_per_token": price, "output_cost_per_token": price}
    return parameters


def _external(backend: Backend, item: FallbackFacts, times: GatewayTimes) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "model": f"{LITELLM_PREFIXES[item.provider]}/{item.model}",
        "timeout": times.attempt_s,
        "stream_timeout": times.attempt_s,
        "cooldown_time": COOLDOWN_S,
    }
    if item.provider in AWS_PROVIDERS:
        parameters["aws_region_name"] = item.region or backend.region
    else:
        parameters["api_key"] = f"os.environ/{API_KEYS[item.provider]}"
    if item.endpoint is not None:
        parameters["api_base"] = item.endpoint
    return parameters
