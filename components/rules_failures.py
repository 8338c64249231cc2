"""The ways serving a model fails, as alerts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.rules import Alert

if TYPE_CHECKING:
    from components.watch import Watched

QUEUE_PER_REPLICA: Final = 25
COLD_START_MARGIN: Final = 2
"""Times the estimated cold start: image registries and capacity have bad days."""
SPOT: Final = "spot"


def failure_rules(watched: Watched) -> Iterator[Alert]:
    yield from _presence(watched)
    yield from _replicas(watched)
    yield from _pods(watched)
    yield from _queue(watched)
    yield from _cache(watched)
    if watched.facts.max_replicas > watched.facts.min_replicas:
        yield from _scaling(watched)
    if watched.facts.purchase == SPOT:
        yield _reclaimed(watched)


def _presence(watched: Watched) -> Iterator[Alert]:
    series = f"up{{{watched.selector}}}"
    down = f"absent({series}) or sum({series}) < 1"
    if watched.facts.min_replicas == 0 and watched.deployment:
        # asleep is not down
        down = f"({down}) and on () sum(kube_deployment_spec_replicas{{{watched.deployment}}}) > 0"
    yield Alert(
        name="ModelTargetsDown",
        expr=down,
        hold=f"{watched.facts.cold_start_s}s",
        severity="critical",
        summary=f"No metrics from {watched.name}: pods are down or not scraped",
    )
    yield Alert(
        name="ModelMetricsMissing",
        expr=f"sum({series}) > 0 unless on () sum(vllm:num_requests_running{{{watched.selector}}}) >= 0",
        hold="10m",
        severity="warning",
        summary=f"{watched.name} is scraped, yet vLLM's own series are not there: other alerts are blind",
    )


def _replicas(watched: Watched) -> Iterator[Alert]:
    if watched.deployment is None:
        return
    available = f"kube_deployment_status_replicas_available{{{watched.deployment}}}"
    wanted = f"kube_deployment_spec_replicas{{{watched.deployment}}}"
    yield Alert(
        name="ModelNoReplicas",
        expr=f"{available} == 0 and {wanted} > 0",
        hold="5m",
        severity="critical",
        summary=f"{watched.name} has no available replica",
    )
    yield Alert(
        name="ModelReplicasMissing",
        expr=f"{available} < {wanted}",
        hold=f"{watched.facts.cold_start_s}s",
        severity="warning",
        summary=f"{watched.name} runs below its replicas for longer than a cold start takes",
    )


def _pods(watched: Watched) -> Iterator[Alert]:
    container = f'{watched.pods},container="vllm"'
    restarts = f"increase(kube_pod_container_status_restarts_total{{{container}}}[1h]) > 2"
    yield Alert(
        name="ModelOomLoop",
        expr=f"{restarts} and on (namespace, pod, container) "
        f'kube_pod_container_status_last_terminated_reason{{{container},reason="OOMKilled"}} == 1',
        severity="critical",
        summary=f"{watched.name} is killed for host memory again and again",
    )
    yield Alert(
        name="ModelRestarts",
        expr=restarts,
        severity="critical",
        summary=f"{watched.name} restarts again and again (GPU memory, bad arguments, broken GPU)",
    )
    limit = COLD_START_MARGIN * watched.facts.cold_start_s
    alive = f'kube_pod_status_phase{{{watched.pods},phase=~"Pending|Running"}} == 1'
    never = f'max_over_time(kube_pod_status_ready{{{watched.pods},condition="true"}}[6h]) == 0'
    yield Alert(
        name="ModelColdStartSlow",
        expr=f"time() - kube_pod_created{{{watched.pods}}} > {limit} "
        f"and on (namespace, pod) {never} and on (namespace, pod) {alive}",
        severity="warning",
        summary=f"A replica of {watched.name} is not ready {limit} s after it was made; "
        f"{watched.facts.cold_start_s} s were estimated",
    )


def _queue(watched: Watched) -> Iterator[Alert]:
    waiting = f"sum(vllm:num_requests_waiting{{{watched.selector}}})"
    tokens = f"sum(rate(vllm:generation_tokens_total{{{watched.selector}}}[5m]))"
    finished = f"sum(rate(vllm:request_success_total{{{watched.selector}}}[5m]))"
    limit = QUEUE_PER_REPLICA * max(1, watched.facts.replicas)
    yield Alert(
        name="ModelQueueGrows",
        expr=f"{waiting} > {limit}",
        hold="5m",
        severity="critical",
        summary=f"{watched.name}: more than {limit} requests wait",
    )
    yield Alert(
        name="ModelQueueStuck",
        expr=f"{waiting} > 0 and {tokens} == 0 and {finished} == 0",
        hold="5m",
        severity="critical",
        summary=f"{watched.name}: requests wait and nothing is produced; the engine hangs",
    )
    yield Alert(
        name="ModelRejections",
        expr=f"sum(rate(vllm:admission_rejections_total{{{watched.selector}}}[5m])) > 0",
        hold="5m",
        severity="warning",
        summary=f"{watched.name} turns requests away",
    )


def _cache(watched: Watched) -> Iterator[Alert]:
    yield Alert(
        name="ModelKvCacheFull",
        expr=f"max(vllm:kv_cache_usage_perc{{{watched.selector}}}) > 0.95",
        hold="10m",
        severity="warning",
        summary=f"{watched.name}: the KV cache is full, requests are preempted",
    )
    yield Alert(
        name="ModelPreemptions",
        expr=f"sum(rate(vllm:num_preemptions_total{{{watched.selector}}}[5m])) > 0.1",
        hold="10m",
        severity="warning",
        summary=f"{watched.name}: requests are preempted and computed again",
    )


def _scaling(watched: Watched) -> Iterator[Alert]:
    scaled = f'scaledObject="{watched.object_name}"'
    yield Alert(
        name="ModelScalerFails",
        expr=f"sum(increase(keda_scaler_detail_errors_total{{{scaled}}}[15m])) > 3",
        hold="5m",
        severity="warning",
        summary=f"{watched.name} is scaled blind: its scaler cannot read its metrics",
    )
    if watched.deployment:
        wanted = f"sum(kube_deployment_spec_replicas{{{watched.deployment}}})"
        waiting = f"sum(vllm:num_requests_waiting{{{watched.selector}}})"
        yield Alert(
            name="ModelAtMaxReplicas",
            expr=f"{wanted} >= {watched.facts.max_replicas} and {waiting} > 0",
            hold="30m",
            severity="warning",
            summary=f"{watched.name} runs its most replicas and requests still wait",
        )


def _reclaimed(watched: Watched) -> Alert:
    """Nodes that are drained, or fewer than before while replicas are missing (not a scale-down)."""
    nodes = f'kube_node_labels{{label_inferstack_dev_workload="{watched.label}"}}'
    expr = f"count({nodes} * on (node) kube_node_spec_unschedulable == 1) > 0"
    if watched.deployment:
        available = f"sum(kube_deployment_status_replicas_available{{{watched.deployment}}})"
        wanted = f"sum(kube_deployment_spec_replicas{{{watched.deployment}}})"
        expr += f" or count({nodes} offset 10m) - count({nodes}) > 0 and {available} < {wanted}"
    return Alert(
        name="ModelSpotReclaimed",
        expr=expr,
        severity="warning",
        summary=f"EC2 takes back spot nodes of {watched.name}",
    )
