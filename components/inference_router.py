"""Routing by prompt prefix for one workload: a proxy before its replicas, and the picker that it asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components import kube, naming, router_picker, router_proxy
from components.base import Component
from components.facts import RouterFacts
from components.router_spec import RouterSpec

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, kw_only=True)
class InferenceRouterArgs:
    environment: str
    region: str
    spec: RouterSpec
    depends_on: Sequence[pulumi.Resource]
    """The servers, and the kind ``InferencePool``."""

    def facts(self) -> RouterFacts:
        spec = self.spec
        return RouterFacts(
            environment=self.environment,
            region=self.region,
            workload=spec.workload,
            replicas=spec.replicas,
            proxy_image=spec.proxy_image.reference,
            proxy_image_digest=spec.proxy_image.digest,
            picker_image=spec.picker_image.reference,
            picker_image_digest=spec.picker_image.digest,
        )


class InferenceRouter(Component):
    """Envoy and llm-d's endpoint picker. Keys, budgets and data classes are the gateway's, in front of it."""

    def __init__(
        self, name: str, args: InferenceRouterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("InferenceRouter", name, args.facts(), opts)
        self.args = args
        spec = args.spec
        picker = self._all("picker", router_picker.beside(spec))
        pickers = self._object("picker", router_picker.stateful_set(spec), picker)
        proxy = self._all("proxy", router_proxy.beside(spec))
        self.proxy = self._object("proxy", router_proxy.deployment(spec), [*proxy, pickers])
        self.register_outputs({"url": self.url})

    @property
    def url(self) -> str:
        """Address inside the cluster."""
        return self.args.spec.names.url

    def _all(self, part: str, documents: Iterable[kube.Document]) -> list[pulumi.Resource]:
        return [self._object(self._part(part, document), document) for document in documents]

    def _part(self, part: str, document: kube.Document) -> str:
        """Two objects of a kind need two names."""
        headless = document.get("spec", {}).get("clusterIP") == "None"
        return f"{part}-each" if headless else part

    def _object(
        self, part: str, document: kube.Document, depends_on: Sequence[pulumi.Resource] = ()
    ) -> kube.KubernetesObject:
        options = self.child(depends_on=[*self.args.depends_on, *depends_on])
        return kube.KubernetesObject(naming.logical(self.name, part), document, options)
