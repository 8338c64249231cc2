"""The inference router's configuration: Envoy in front, the endpoint picker that it asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from components.gateway_times import MARGIN_S, PROPAGATION_S
from components.router_names import RouterNames
from components.serving import NAMESPACE
from components.vllm_args import PORT
from components.vllm_pod import CLIENT_KEEP_ALIVE_S
from inferstack.render import render_yaml

if TYPE_CHECKING:
    from components.gateway_times import GatewayTimes

CHOICE_PORT: Final = 8001
HEALTH_PORT: Final = 8002
ADMIN_PORT: Final = 8003
PICKER_PORT: Final = 9002
"""Of the ext_proc protocol; the release's default."""
ENDPOINT_HEADER: Final = "x-gateway-destination-endpoint"
MARK: Final = "x-inferstack-not-chosen"
"""On answers of the proxy itself, which are none of a model server."""
STRIPPED: Final = ("x-gateway-", "x-llm-d-", "x-slo-", "x-envoy-", "x-inferstack-")
"""Beginnings of headers by which a caller could steer a request, the picker or the proxy."""
PICK_S: Final = 2
"""A choice takes milliseconds; after this a request goes to any replica."""
CONNECT_S: Final = 2
"""A replica that is gone does not refuse, it is silent."""
CONNECTION_S: Final = 60
"""Age of a caller's connection from which on its next request is its last."""
KEPT_BYTES: Final = 32 * 1024 * 1024
"""Of one request, for as long as no model server has answered; a longer one is not tried again."""
MOST: Final = 20_000
"""Connections and requests of one proxy."""


@dataclass(frozen=True, kw_only=True)
class Scorer:
    name: str
    weight: int


SCORERS: Final = (
    Scorer(name="prefix-cache-scorer", weight=3),
    Scorer(name="queue-scorer", weight=2),
    Scorer(name="kv-cache-utilization-scorer", weight=2),
)
ADAPTER_SCORER: Final = Scorer(name="lora-affinity-scorer", weight=1)
SCORED: Final = (
    "vllm:num_requests_waiting",
    "vllm:num_requests_running",
    "vllm:kv_cache_usage_perc",
    "vllm:lora_requests_info",
    "vllm:cache_config_info",
)
"""What the pinned picker reads of vLLM (its pkg/epp/server/options.go): load, adapters, the cache's size."""


def envoy_config(names: RouterNames, times: GatewayTimes, *, service: str, pickers: int) -> Mapping[str, Any]:
    """Envoy's bootstrap. Every wait is longer than the one behind it and shorter than the one in front."""
    suffix = f"{NAMESPACE}.svc.cluster.local"
    values = {
        "port": PORT,
        "choice_port": CHOICE_PORT,
        "health_port": HEALTH_PORT,
        "admin_port": ADMIN_PORT,
        "picker_port": PICKER_PORT,
        "endpoint_header": ENDPOINT_HEADER,
        "mark": MARK,
        "stripped": STRIPPED,
        "pick_s": PICK_S,
        "connect_s": CONNECT_S,
        "connection_s": CONNECTION_S,
        "kept_bytes": KEPT_BYTES,
        "most": MOST,
        # the gateway gives up first
        "silence_s": times.attempt_s + MARGIN_S,
        "client_idle_s": CLIENT_KEEP_ALIVE_S,
        "server_idle_s": times.client_keep_alive_s,
        "service": f"{service}.{suffix}",
        "picker_authority": f"{names.picker}.{suffix}:{PICKER_PORT}",
        "pickers": [f"{names.picker}-{number}.{names.pickers}.{suffix}" for number in range(pickers)],
    }
    document: Mapping[str, Any] = render_yaml("router/envoy.yaml.j2", values)
    return document


def picker_config(*, adapters: bool) -> Mapping[str, Any]:
    scorers = (*SCORERS, *([ADAPTER_SCORER] if adapters else ()))
    document: Mapping[str, Any] = render_yaml("router/picker.yaml.j2", {"scorers": scorers})
    return document


def leave_s(times: GatewayTimes) -> int:
    """A proxy that stops: no new callers, the last connection grows old, idles and has its last request."""
    return PROPAGATION_S + CONNECTION_S + times.client_keep_alive_s + times.attempt_s
