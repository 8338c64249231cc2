"""What LiteLLM's configuration cannot say: which failures may send a request outside, and who may ask for it.

LiteLLM loads this file beside its ``config.yaml`` and asks it before each request and before each attempt.
An external backend is dropped unless the request was addressed to a model that may use it, and, where it
only steps in, unless the own replicas failed in a way the workload named. Callers name models, nothing else:
backends, fallbacks and test switches in a request body are refused.
"""

from __future__ import annotations

import importlib
import sys
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from fastapi import HTTPException
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy.common_utils.proxy_rate_limit_error import ProxyRateLimitError
from prometheus_client import Gauge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REASONS = {
    "APIConnectionError": "error",
    "BadGatewayError": "error",
    "InternalServerError": "error",
    "MidStreamFallbackError": "error",
    "RateLimitError": "rate-limit",
    "RouterRateLimitError": "overload",
    "RouterRateLimitErrorBasic": "overload",
    "ServiceUnavailableError": "overload",
    "Timeout": "timeout",
}
"""The spec's words for what went wrong; anything else (a bad request) sends nothing outside."""
REFUSED = (
    "api_base", "api_key", "base_url", "content_policy_fallbacks", "context_window_fallbacks",
    "custom_llm_provider", "fallbacks", "mock_response", "mock_testing_content_policy_fallbacks",
    "mock_testing_context_fallbacks", "mock_testing_fallbacks", "mock_testing_rate_limit_error", "model_list",
    "user_config",
)  # fmt: skip
RENAMED = ("redis.commands.search.indexDefinition", "redis.commands.search.index_definition")
"""LiteLLM's Valkey cache imports the first, which redis-py 6 renamed: without it the proxy does not start."""
ASKED: ContextVar[str | None] = ContextVar("asked", default=None)
"""The model that the request at hand was found to name."""


def published(config: Mapping[str, Any]) -> set[str]:
    """Model names that callers may use: groups with a backend of the environment's own."""
    return {
        entry["model_name"] for entry in config["model_list"] if "reasons" not in entry.get("model_info", {})
    }


def permitted(deployment: Mapping[str, Any], model: str, metadata: Mapping[str, Any]) -> bool:
    """Whether this attempt may use a backend."""
    info = deployment.get("model_info") or {}
    if not info.get("external"):
        return True
    origin = metadata.get("original_model_group") or model
    if origin not in info.get("callers", ()):
        return False
    if "reasons" not in info:
        return True
    # what failed on the way out, this guard's own refusals among it, is no reason
    failures = [item for item in metadata.get("previous_models") or () if item.get("model_group") == origin]
    return bool(failures) and REASONS.get(failures[-1].get("exception_type")) in info["reasons"]


def cached(config: Mapping[str, Any]) -> set[str]:
    """Model names whose answers may be kept: all of their backends say so."""
    infos = [(entry["model_name"], entry.get("model_info", {})) for entry in config["model_list"]]
    return {name for name, _ in infos} - {name for name, info in infos if not info.get("cached")}


def cache_control(wanted: object, *, allowed: bool) -> dict[str, bool]:
    """Callers may do without the cache, and nothing else about it."""
    if not allowed:
        return {"no-cache": True, "no-store": True}
    asked = wanted if isinstance(wanted, dict) else {}
    return {key: True for key in ("no-cache", "no-store") if asked.get(key) is True}


def weights(config: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """Percent of the requests for a name that each of its backends is given."""
    return {
        (entry["model_name"], entry["model_info"]["id"]): float(entry["litellm_params"].get("weight", 100))
        for entry in config["model_list"]
        if "reasons" not in entry.get("model_info", {})
    }


def tell(config: Mapping[str, Any]) -> None:
    """The weights as a metric: what this process runs with, whatever a file says by now."""
    name, text = "inferstack_gateway_weight", "Percent of the requests for a name that a backend is given."
    try:
        gauge = Gauge(name, text, ["requested_model", "model_id"])
    except ValueError:  # loaded a second time, from the same file
        return
    for labels, percent in weights(config).items():
        gauge.labels(*labels).set(percent)


def bridge() -> None:
    """The module by both of its names, before LiteLLM makes the cache."""
    old, new = RENAMED
    try:
        sys.modules.setdefault(old, importlib.import_module(new))
    except ModuleNotFoundError:
        return  # an older redis-py, with the old name


class Guard(CustomLogger):
    """Called by the proxy; keeps nothing between calls."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.names = published(config)
        self.cached = cached(config)
        self.caching = bool(config.get("litellm_settings", {}).get("cache"))

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: str
    ) -> dict[str, Any]:
        del user_api_key_dict, cache, call_type
        refused = sorted(key for key in REFUSED if key in data)
        if refused:
            raise HTTPException(400, {"error": f"not accepted in a request: {', '.join(refused)}"})
        model = data.get("model")
        if model is None:
            # moderations, files, batches, vector stores: LiteLLM would ask a provider of its own choice
            raise HTTPException(400, {"error": "the request names no model of this gateway"})
        if model not in self.names:
            if ASKED.get() is not None:
                # a caller over its own limit: LiteLLM would try what steps in for the model's failures
                raise ProxyRateLimitError({"error": f"rate limit exceeded for {ASKED.get()}"})
            known = ", ".join(sorted(self.names))
            raise HTTPException(404, {"error": f"no model {model!r}; there are {known}"})
        ASKED.set(model)
        if self.caching:
            data["cache"] = cache_control(data.get("cache"), allowed=model in self.cached)
        return data

    async def async_filter_listed_models(
        self, user_api_key_dict: Any, model_names: Sequence[str]
    ) -> Sequence[str]:
        del user_api_key_dict
        return [name for name in model_names if name in self.names]

    async def async_filter_deployments(
        self,
        model: str,
        healthy_deployments: list[dict[str, Any]],
        messages: Any,
        request_kwargs: Mapping[str, Any] | None = None,
        parent_otel_span: Any = None,
    ) -> list[dict[str, Any]]:
        del messages, parent_otel_span
        values = request_kwargs or {}
        metadata = values.get("litellm_metadata") or values.get("metadata") or {}
        return [item for item in healthy_deployments if permitted(item, model, metadata)]


bridge()
_config = yaml.safe_load(Path(__file__).with_name("config.yaml").read_text(encoding="utf-8"))
tell(_config)
guard = Guard(_config)
