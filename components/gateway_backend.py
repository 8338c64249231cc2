"""What every server behind the gateway has in the cluster: an account without rights, a name, one way in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components import gateway_names, kube

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class GatewayBackend:
    """A server that only the gateway talks to."""

    app: str
    port_name: str
    port: int

    @property
    def labels(self) -> dict[str, str]:
        return {kube.LABEL_APP: self.app}

    def metadata(
        self, name: str | None = None, annotations: Mapping[str, Any] | None = None
    ) -> kube.Metadata:
        return kube.Metadata(
            name=name or self.app,
            namespace=gateway_names.NAMESPACE,
            labels=self.labels,
            annotations=annotations or {},
        )

    def service_account(self) -> dict[str, Any]:
        return kube.manifest("v1", "ServiceAccount", self.metadata(), automountServiceAccountToken=False)

    def service(self) -> dict[str, Any]:
        port = {"name": self.port_name, "port": self.port, "targetPort": self.port_name, "protocol": "TCP"}
        body = {"type": "ClusterIP", "selector": self.labels, "ports": [port]}
        metadata = self.metadata(annotations={kube.SKIP_AWAIT_ANNOTATION: "true"})
        return kube.manifest("v1", "Service", metadata, spec=body)

    def network_policy(self) -> dict[str, Any]:
        """In: the gateway. Out: nothing (an empty list would be dropped, and added again by every apply)."""
        gateway = {"podSelector": {"matchLabels": gateway_names.LABELS}}
        body = {
            "podSelector": {"matchLabels": self.labels},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [gateway], "ports": [{"protocol": "TCP", "port": self.port}]}],
        }
        return kube.manifest("networking.k8s.io/v1", "NetworkPolicy", self.metadata(), spec=body)
