"""Alerts on what all workloads share: GPUs, the gateway, the monitoring itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components import gateway_pod
from components.rules import Alert

PROGRAM_XIDS: Final = (13, 31, 43, 45)
"""Raised by the program on the GPU or its clean-up; all others are hardware or driver."""
FALLBACK_SHARE: Final = "0.1"
GATEWAY_ERRORS: Final = "0.05"


def gpu_rules() -> Iterator[Alert]:
    # a label that Prometheus adds to the target too comes through twice; any of them will do
    xid = "max by (Hostname, gpu) (DCGM_FI_DEV_XID_ERRORS)"
    program = " and ".join(f"{xid} != {code}" for code in PROGRAM_XIDS)
    yield Alert(
        name="GpuXidError",
        expr=f"{xid} != 0 and {program}",
        severity="critical",
        summary="GPU reported a hardware or driver error (XID); the node is repaired or must be replaced",
    )
    yield Alert(
        name="GpuRowRemapFailed",
        expr="max by (Hostname, gpu) (DCGM_FI_DEV_ROW_REMAP_FAILURE) == 1",
        severity="critical",
        summary="GPU memory can no longer be repaired: replace the node",
    )
    yield Alert(
        name="GpuHot",
        expr="max by (Hostname, gpu) (DCGM_FI_DEV_GPU_TEMP) > 85",
        hold="10m",
        severity="warning",
        summary="GPU is above 85 degrees and will throttle",
    )
    yield Alert(
        name="GpuIdle",
        expr="avg by (Hostname) (DCGM_FI_PROF_DRAM_ACTIVE) < 0.02",
        hold="6h",
        severity="info",
        summary="GPUs of a node were paid for and not used for six hours",
    )
    nodes = 'count(kube_node_labels{label_inferstack_dev_workload!=""}) > 0'
    yield Alert(
        name="GpuMetricsMissing",
        expr=f"{nodes} unless on () count(DCGM_FI_DEV_GPU_TEMP) > 0",
        hold="15m",
        severity="warning",
        summary="There are GPU nodes and no GPU metrics: XID errors and heat would go unseen",
    )


def gateway_rules() -> Iterator[Alert]:
    up = f'up{{namespace="{gateway_pod.NAMESPACE}"}}'
    total = "litellm_proxy_total_requests_metric_total"
    yield Alert(
        name="GatewayDown",
        expr=f"absent({up}) or sum({up}) < 1",
        hold="3m",
        severity="critical",
        summary="The gateway is not scraped: callers reach no model at all, or nobody sees how they fare",
    )
    failed = f'sum(rate({total}{{status_code=~"5.."}}[5m]))'
    yield Alert(
        name="GatewayErrors",
        expr=f"{failed} / sum(rate({total}[5m])) > {GATEWAY_ERRORS}",
        hold="5m",
        severity="critical",
        summary="More than five percent of all requests fail at the gateway",
    )
    fell = "sum(rate(litellm_deployment_successful_fallbacks_total[30m]))"
    yield Alert(
        name="GatewayFallbackShare",
        expr=f"{fell} / sum(rate({total}[30m])) > {FALLBACK_SHARE}",
        hold="10m",
        severity="warning",
        summary="More than a tenth of requests go to paid external backends",
    )
    yield Alert(
        name="GatewayFallbacksFail",
        expr="sum(increase(litellm_deployment_failed_fallbacks_total[15m])) > 5",
        hold="5m",
        severity="critical",
        summary="External backends fail too: those requests have nowhere to go",
    )


def monitoring_rules(*, collector: bool, managed: bool = False) -> Iterator[Alert]:
    yield Alert(
        name="ClusterStateMissing",
        expr="absent(kube_node_info)",
        hold="10m",
        severity="critical",
        summary="kube-state-metrics is silent: alerts on pods, replicas and nodes cannot fire",
    )
    if collector:
        up = 'up{job=~".*otel-collector"}'
        yield Alert(
            name="TraceCollectorDown",
            expr=f"absent({up}) or sum({up}) < 1",
            hold="15m",
            severity="info",
            summary="No request samples are collected",
        )
    if managed:
        # only what Prometheus in the cluster sends has this label: alerts of the workspace do not count twice
        firing = 'ALERTS{alertstate="firing",severity="critical",prometheus!=""}'
        yield Alert(
            name="ClusterAlertFires",
            expr=f"sum by (alertname) ({firing}) > 0",
            hold="1m",
            severity="critical",
            summary="A critical alert of the cluster itself fires",
        )
