"""What the manifests of one workload's inference router depend on, and what its pods have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import yaml

from components import kube, naming
from components.router_config import envoy_config, picker_config
from components.router_names import RouterNames, router_labels
from components.serving import NAMESPACE

if TYPE_CHECKING:
    from components.gateway_times import GatewayTimes
    from components.pins import Image

UID: Final = 65532
"""User ``nonroot`` of both images."""
UNAWAITED: Final = {kube.SKIP_AWAIT_ANNOTATION: "true"}
DNS: Final = {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}


@dataclass(frozen=True, kw_only=True)
class RouterSpec:
    workload: str
    pool_labels: Mapping[str, str]
    """Of the pods that answer requests."""
    service: str
    """Name of the Service that leads to any of them."""
    adapters: bool
    times: GatewayTimes
    proxy_image: Image
    picker_image: Image
    replicas: int
    """Of the proxy, and of the picker."""
    monitoring: str | None
    """Namespace that reads metrics."""

    @property
    def names(self) -> RouterNames:
        return RouterNames(workload=self.workload)

    @cached_property
    def proxy(self) -> Part:
        config = envoy_config(self.names, self.times, service=self.service, pickers=self.replicas)
        return Part(
            name=self.names.proxy,
            labels=router_labels(self.workload)[0],
            file="envoy.yaml",
            text=yaml.safe_dump(dict(config), sort_keys=False, width=110),
        )

    @cached_property
    def picker(self) -> Part:
        config = picker_config(adapters=self.adapters)
        return Part(
            name=self.names.picker,
            labels=router_labels(self.workload)[1],
            file="picker.yaml",
            text=yaml.safe_dump(dict(config), sort_keys=False),
        )


@dataclass(frozen=True, kw_only=True)
class Part:
    """The proxy or the picker: a program, its configuration file and the objects that every program has."""

    name: str
    labels: Mapping[str, str]
    file: str
    text: str

    def metadata(
        self, name: str | None = None, annotations: Mapping[str, str] | None = None
    ) -> kube.Metadata:
        return kube.Metadata(
            name=name or self.name, namespace=NAMESPACE, labels=self.labels, annotations=annotations or {}
        )

    @property
    def config_name(self) -> str:
        """Changes with the content, so that a new configuration rolls the pods."""
        return naming.kubernetes(self.name, naming.content_hash(self.text))

    def service_account(self) -> dict[str, Any]:
        return kube.manifest("v1", "ServiceAccount", self.metadata(), automountServiceAccountToken=False)

    def config_map(self) -> dict[str, Any]:
        metadata = self.metadata(self.config_name)
        return kube.manifest("v1", "ConfigMap", metadata, immutable=True, data={self.file: self.text})

    def service(self, port_name: str, port: int, *, name: str | None = None, headless: bool = False) -> Any:
        ports = [{"name": port_name, "port": port, "targetPort": port_name, "protocol": "TCP"}]
        body = {"type": "ClusterIP", "selector": dict(self.labels), "ports": ports}
        if headless:
            body["clusterIP"] = "None"
        return kube.manifest("v1", "Service", self.metadata(name, UNAWAITED), spec=body)

    def disruption_budget(self) -> dict[str, Any]:
        body = {"maxUnavailable": 1, "selector": {"matchLabels": dict(self.labels)}}
        return kube.manifest("policy/v1", "PodDisruptionBudget", self.metadata(), spec=body)

    def network_policy(self, ingress: list[Any], egress: list[Any]) -> dict[str, Any]:
        body = {
            "podSelector": {"matchLabels": dict(self.labels)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": [DNS, *egress],
        }
        return kube.manifest("networking.k8s.io/v1", "NetworkPolicy", self.metadata(), spec=body)

    def spread(self) -> list[dict[str, Any]]:
        return [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": dict(self.labels)},
            }
        ]


def pods(own: Mapping[str, str]) -> dict[str, Any]:
    """A peer of a network policy: pods of this namespace."""
    return {"podSelector": {"matchLabels": dict(own)}}


def namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def port(number: int) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": number}]
