"""Grafana dashboards as ConfigMaps the Grafana sidecar picks up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from components import kube
from inferstack.render import render_json

SERVING: Final = ("serving", "gpus", "cost")
WITH_GATEWAY: Final = "gateway"
WITH_ROUTERS: Final = "routing"
SIDECAR_LABEL: Final = {"grafana_dashboard": "1"}
PROMETHEUS_PLUGIN: Final = "prometheus"


def dashboards(*, gateway: bool, routed: bool = False) -> tuple[str, ...]:
    """Names of an environment's dashboards."""
    return (*SERVING, *([WITH_GATEWAY] if gateway else []), *([WITH_ROUTERS] if routed else []))


def dashboard(name: str, plugin: str = PROMETHEUS_PLUGIN) -> Mapping[str, Any]:
    """The dashboard's document; ``plugin`` is the kind of data source that it offers for choice.

    Queries must fit Grafana's eight letters per panel.
    """
    document: Mapping[str, Any] = render_json(f"monitoring/dashboards/{name}.json.j2", {"plugin": plugin})
    return document


def config_map(name: str, namespace: str, document: Mapping[str, Any]) -> dict[str, Any]:
    metadata = kube.Metadata(name=f"inferstack-{name}", namespace=namespace, labels=SIDECAR_LABEL)
    text = json.dumps(document, indent=1, sort_keys=True)
    return kube.manifest("v1", "ConfigMap", metadata, data={f"{name}.json": text})
