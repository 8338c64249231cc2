"""The command line of a server: what the plan decided, and what running in this cluster adds.

Names are those of vLLM 0.33. An argument the plan (or the user) states is never added again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components.metrics import load_metrics

if TYPE_CHECKING:
    from components.lifecycle import Lifecycle
    from components.pod_resources import PodResources
    from inferstack.sizing.types import WorkloadPlan
    from inferstack.spec.derive import Limits

PORT: Final = 8000
POOLING_TASKS: Final = ("embed", "embedding", "rerank", "reranker", "score", "classify")
STREAM_THREADS: Final = 16
SSE_KEEP_ALIVE_S: Final = 15
"""Below every idle timeout on the way to the caller."""
GROUP_ARGUMENTS: Final = (
    ("--nnodes", "$(LWS_GROUP_SIZE)"),
    ("--node-rank", "$(LWS_WORKER_INDEX)"),
    ("--master-addr", "$(LWS_LEADER_ADDRESS)"),
)
RANK_PORT: Final = 29550
"""Where data-parallel ranks on other nodes report to the leader; vLLM's default."""
POD_IP: Final = "POD_IP"
LEADER_ONLY: Final = ("--api-server-count",)
"""What a server without a front end (``--headless``) refuses."""


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """A LoRA adapter: the name callers use and the S3 place it comes from."""

    name: str
    uri: str

    @property
    def path(self) -> str:
        return f"/adapters/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Launch:
    """Everything the command line depends on."""

    plan: WorkloadPlan
    weights_uri: str
    resources: PodResources
    times: Lifecycle
    vllm_version: str
    adapters: tuple[Adapter, ...] = ()
    traces_endpoint: str | None = None
    """Where sampled requests are sent; None: nothing is traced."""
    limits: Limits | None = None
    """Of a rollout."""


def server_arguments(launch: Launch, *, leader: bool = True) -> list[str]:
    """Arguments after ``vllm serve``, the model first; workers of a group answer no requests."""
    stated = dict(launch.plan.vllm_args)
    added = {name: value for name, value in _defaults(launch).items() if name not in stated}
    pairs = [*launch.plan.vllm_args, *added.items()]
    if launch.plan.chosen.nodes_per_replica > 1:
        group = (*GROUP_ARGUMENTS, *_rank_arguments(launch, leader=leader))
        pairs += [pair for pair in group if pair[0] not in stated]
    if not leader:
        pairs = [*(pair for pair in pairs if pair[0] not in LEADER_ONLY), ("--headless", "")]
    return [launch.weights_uri, *_flat(pairs), *_adapter_arguments(launch.adapters, stated)]


def _rank_arguments(launch: Launch, *, leader: bool) -> tuple[tuple[str, str], ...]:
    """Where data-parallel ranks of several nodes meet; which a node has follows from its place in the group.

    The leader listens on its own address at once: its name may not resolve yet when it starts.
    """
    if launch.plan.chosen.dp == 1:
        return ()
    address = f"$({POD_IP})" if leader else "$(LWS_LEADER_ADDRESS)"
    return (("--data-parallel-address", address), ("--data-parallel-rpc-port", str(RANK_PORT)))


def _flat(pairs: Sequence[tuple[str, str]]) -> list[str]:
    return [part for name, value in pairs for part in ((name, value) if value else (name,))]


def _defaults(launch: Launch) -> dict[str, str]:
    plan = launch.plan
    defaults = {
        "--served-model-name": plan.served_model_name,
        "--port": str(PORT),
        "--load-format": "runai_streamer",
        "--model-loader-extra-config": _streamer(launch),
        "--shutdown-timeout": str(launch.times.shutdown_s),
        "--disable-access-log-for-endpoints": "/health,/metrics",
    }
    if buckets := histogram_buckets(plan, launch.vllm_version, launch.limits):
        defaults["--custom-histogram-buckets"] = json.dumps(buckets, sort_keys=True)
    if launch.traces_endpoint is not None:
        defaults["--otlp-traces-endpoint"] = launch.traces_endpoint
    if plan.chosen.tp > 1:
        defaults["--tensor-parallel-size"] = str(plan.chosen.tp)
    if plan.chosen.pp > 1:
        defaults["--pipeline-parallel-size"] = str(plan.chosen.pp)
    if plan.chosen.dp > 1:
        defaults["--data-parallel-size"] = str(plan.chosen.dp)
    if plan.task in POOLING_TASKS:
        defaults["--runner"] = "pooling"
    else:
        defaults["--sse-keep-alive-interval"] = str(SSE_KEEP_ALIVE_S)
    return defaults


def histogram_buckets(
    plan: WorkloadPlan, vllm_version: str, limits: Limits | None = None
) -> dict[str, list[float]]:
    """Latency bounds with the service levels and a rollout's limits among them: only a bound can be counted
    against.
    """
    metrics = load_metrics(vllm_version)
    levels = {
        "time_to_first_token": (plan.slo_ttft_p95_ms, limits.ttft_p95_ms if limits else None),
        "inter_token_latency": (plan.slo_itl_p95_ms, limits.itl_p95_ms if limits else None),
        "request_latency": (plan.slo_e2e_p95_ms,),
    }
    wanted = {
        family: metrics.bounds(family, *(level / 1000 for level in found if level is not None))
        for family, found in levels.items()
    }
    return {family: bounds for family, bounds in wanted.items() if bounds != metrics.bounds(family)}


def _streamer(launch: Launch) -> str:
    """Processes of a node each read a share and pass it on; stages over nodes need other files."""
    settings: dict[str, int | bool] = {
        "concurrency": STREAM_THREADS,
        "memory_limit": launch.resources.streamer_bytes_per_gpu,
    }
    chosen = launch.plan.chosen
    if chosen.dp > 1 or (chosen.tp > 1 and chosen.nodes_per_replica == 1):
        settings["distributed"] = True
    return json.dumps(settings, sort_keys=True)


def _adapter_arguments(adapters: Sequence[Adapter], stated: Mapping[str, str]) -> list[str]:
    if not adapters:
        return []
    modules = [json.dumps({"name": item.name, "path": item.path}, sort_keys=True) for item in adapters]
    # ranks and limits are the plan's
    flags = [] if "--enable-lora" in stated else ["--enable-lora"]
    return [*flags, "--lora-modules", *modules]
