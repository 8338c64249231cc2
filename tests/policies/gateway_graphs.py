"""A gateway in front of the compliant environment, with a configuration that tests can change."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import yaml
from policy_graphs import ENVIRONMENT, SERVICE, STACK, changed, resource

from inferstack.render import render_text
from inferstack.resources import Resource

GATEWAY = f"{STACK}inferstack:index:Gateway::gateway"
CONFIG = f"{STACK}kubernetes:core/v1:ConfigMap::gateway"
ADDRESS = f"{STACK}kubernetes:core/v1:Service::model-chat"
BACKEND = {
    "provider": "bedrock",
    "model": "eu.anthropic.claude-sonnet-4-5",
    "maxClassification": "confidential",
    "enabled": True,
}
OWN = {"model": "hosted_vllm/chat", "api_base": "http://model-chat.llm-serving.svc.cluster.local:8000/v1"}
BEDROCK = {"model": "bedrock/eu.anthropic.claude-sonnet-4-5", "aws_region_name": "eu-central-1"}
OPENAI = {"model": "openai/gpt-5", "api_key": "os.environ/OPENAI_API_KEY"}


def entry(name: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": dict(parameters)}


def config(*entries: Mapping[str, Any], **router: Any) -> dict[str, Any]:
    """A configuration; without entries the one that synth would make for one Bedrock fallback."""
    listed = entries or (entry("chat", OWN), entry("chat-fallback-1", BEDROCK))
    return {
        "model_list": [dict(item) for item in listed],
        "router_settings": {"fallbacks": [{"chat": ["chat-fallback-1"]}], **router},
        "litellm_settings": {"callbacks": "gateway_guard.guard"},
    }


def gateway(
    document: Any = None, *, workload: Mapping[str, Any] | None = None, guard: str | None = None, **facts: Any
) -> dict[str, Resource]:
    """The compliant environment with a gateway; ``document`` may be text, or unknown."""
    resources = changed(SERVICE, {"fallback": [BACKEND], **(workload or {})})
    text = yaml.safe_dump(document or config()) if isinstance(document, dict | None) else document
    program = guard if guard is not None else render_text("gateway/gateway_guard.py", {})
    made = (
        resource("inferstack:index:Gateway", "gateway", dict(facts), parent=ENVIRONMENT),
        resource(
            "kubernetes:core/v1:ConfigMap",
            "gateway",
            {"metadata": {"name": "litellm"}, "data": {"config.yaml": text, "gateway_guard.py": program}},
            parent=GATEWAY,
        ),
        resource(
            "kubernetes:core/v1:Service",
            "model-chat",
            {"metadata": {"name": "model-chat", "namespace": "llm-serving"}},
            parent=SERVICE,
        ),
    )
    return copy.copy(resources) | {found.urn: found for found in made}
