"""What is scraped beside what charts bring themselves: model servers, the gateway, the trace collector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from components import gateway_pod, kube, router_names, serving, trace_collector, vllm_pod
from components.prometheus import NAMESPACE

INTERVAL: Final = "30s"
WORKLOAD_LABEL: Final = "__meta_kubernetes_pod_label_inferstack_dev_workload"
ROUTES_LABEL: Final = "__meta_kubernetes_pod_label_inferstack_dev_routes_to"


@dataclass(frozen=True, kw_only=True)
class Scraped:
    """Pods of one application that export metrics."""

    name: str
    namespace: str
    app: str
    port: str
    path: str = "/metrics"
    says_workload: bool = False
    """Its pods carry the workload's label; their series do, too."""
    says_router: bool = False
    """Its pods say whose requests they route; the label ``router`` of their series does."""


VLLM: Final = Scraped(
    name="vllm", namespace=serving.NAMESPACE, app=vllm_pod.APP, port="http", says_workload=True
)
# LiteLLM mounts its metrics: without the last slash it answers with a redirect
GATEWAY: Final = Scraped(
    name="gateway", namespace=gateway_pod.NAMESPACE, app=gateway_pod.APP, port="http", path="/metrics/"
)
PROXIES: Final = Scraped(
    name="routers",
    namespace=serving.NAMESPACE,
    app=router_names.PROXY_APP,
    port="health",
    says_router=True,
)
PICKERS: Final = Scraped(
    name="endpoint-pickers",
    namespace=serving.NAMESPACE,
    app=router_names.PICKER_APP,
    port="metrics",
    says_router=True,
)
COLLECTOR: Final = Scraped(
    name=trace_collector.APP, namespace=NAMESPACE, app=trace_collector.APP, port="metrics"
)


def pod_monitor(scraped: Scraped) -> dict[str, Any]:
    endpoint: dict[str, Any] = {"port": scraped.port, "path": scraped.path, "interval": INTERVAL}
    if scraped.says_workload:
        endpoint["relabelings"] = [{"sourceLabels": [WORKLOAD_LABEL], "targetLabel": "workload"}]
    if scraped.says_router:
        endpoint["relabelings"] = [{"sourceLabels": [ROUTES_LABEL], "targetLabel": "router"}]
    body: Mapping[str, Any] = {
        "namespaceSelector": {"matchNames": [scraped.namespace]},
        "selector": {"matchLabels": {kube.LABEL_APP: scraped.app}},
        "podMetricsEndpoints": [endpoint],
    }
    metadata = kube.Metadata(name=scraped.name, namespace=NAMESPACE)
    return kube.manifest("monitoring.coreos.com/v1", "PodMonitor", metadata, spec=body)
