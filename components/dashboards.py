"""Grafana dashboards as ConfigMaps the Grafana sidecar picks up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from components import kube, naming, serving
from inferstack.render import render_json

if TYPE_CHECKING:
    from components.facts import WorkloadFacts

DASHBOARDS: Final = ("serving", "gpus")
SIDECAR_LABEL: Final = {"grafana_dashboard": "1"}
TOKENS: Final = ("vllm:prompt_tokens_total", "vllm:generation_tokens_total")


def dashboard(name: str, workloads: tuple[WorkloadFacts, ...]) -> Mapping[str, Any]:
    """The dashboard's document. Queries must fit Grafana's eight letters per panel."""
    values = {"namespace": serving.NAMESPACE, "cost_queries": cost_queries(workloads)[:8]}
    document: Mapping[str, Any] = render_json(f"monitoring/dashboards/{name}.json.j2", values)
    return document


def cost_queries(workloads: tuple[WorkloadFacts, ...]) -> list[tuple[str, str]]:
    """Price of a workload's GPU nodes over what it processes now, in USD per million tokens."""
    return [(cost_query(facts), facts.workload) for facts in workloads if facts.usd_per_month is not None]


def cost_query(facts: WorkloadFacts) -> str:
    label = naming.label_value(facts.workload)
    selector = f'namespace="{serving.NAMESPACE}",workload="{label}"'
    rates = " + ".join(f"sum(rate({metric}{{{selector}}}[1h]))" for metric in TOKENS)
    hourly = format((facts.usd_per_month or 0) / 730, ".4f")
    return f"{hourly} / (3600 * ({rates})) * 1e6"


def config_map(name: str, namespace: str, document: Mapping[str, Any]) -> dict[str, Any]:
    metadata = kube.Metadata(name=f"inferstack-{name}", namespace=namespace, labels=SIDECAR_LABEL)
    text = json.dumps(document, indent=1, sort_keys=True)
    return kube.manifest("v1", "ConfigMap", metadata, data={f"{name}.json": text})
