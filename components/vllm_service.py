"""One model served: identity, pods, address, budget, network policy, and the facts rules read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components import iam, kube, naming, recycling, scaling, vllm_objects
from components.base import Component
from components.serving import NAMESPACE
from components.vllm_args import PORT
from components.vllm_pod import ServerSpec

if TYPE_CHECKING:
    from components.served_facts import WorkloadFacts


@dataclass(frozen=True, kw_only=True)
class VllmServiceArgs:
    facts: WorkloadFacts
    place: iam.Place
    server: ServerSpec
    read: tuple[iam.Statement, ...]
    """What the pods may read: their weights and adapters."""
    depends_on: Sequence[pulumi.Resource]
    """Weights, nodes, device plugin, namespace: pods start when these are there and leave before them."""
    recycling: recycling.Recycling | None = None
    """Replicas restart on a schedule; None: they run until they are replaced."""
    scaler: scaling.Scaler | None = None
    """Who sets the number of replicas; None: it is the plan's."""
    scaler_needs: Sequence[pulumi.Resource] = ()
    """What acts on the scaler's object."""


class VllmService(Component):
    """A vLLM server; ``server`` is the Deployment, or the LeaderWorkerSet when a replica spans nodes."""

    def __init__(self, name: str, args: VllmServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("VllmService", name, args.facts, opts)
        self.args = args
        spec = args.server
        role = iam.pod_role(self, name, args.place, statements=args.read)
        account = iam.ServiceAccount(namespace=NAMESPACE, name=spec.name)
        identity = iam.pod_identity(self, name, args.place, account, role)
        beside = [
            self._object(document)
            for document in (
                vllm_objects.service_account(spec),
                vllm_objects.service(spec),
                vllm_objects.network_policy(spec),
                vllm_objects.disruption_budget(spec, scaled=args.scaler is not None),
                *([vllm_objects.device_claim(spec)] if spec.resources.claimed else []),
            )
        ]
        workload = vllm_objects.leader_worker_set if spec.multi_node else vllm_objects.deployment
        self.server = self._object(workload(spec, scaled=args.scaler is not None), (identity, *beside))
        if args.scaler is not None:
            document = _scaler_object(spec, args.scaler)
            self._object(document, (self.server, *args.scaler_needs))
        if args.recycling is not None:
            self._recycle(args.recycling)
        self.register_outputs({"url": self.url})

    def _recycle(self, asked: recycling.Recycling) -> None:
        needed: tuple[pulumi.Resource, ...] = (self.server,)
        for document in recycling.objects(self.args.server, asked):
            name = naming.logical(self.name, "recycler")
            made = kube.KubernetesObject(
                name, document, self.child(depends_on=[*self.args.depends_on, *needed])
            )
            needed = (*needed, made)

    @property
    def url(self) -> str:
        """Address inside the cluster."""
        return f"http://{self.args.server.entry_name}.{NAMESPACE}.svc.cluster.local:{PORT}/v1"

    def _object(
        self, document: kube.Document, depends_on: Sequence[pulumi.Resource] = ()
    ) -> kube.KubernetesObject:
        return kube.KubernetesObject(
            naming.logical(self.name),
            document,
            self.child(depends_on=[*self.args.depends_on, *depends_on]),
        )


def _scaler_object(spec: ServerSpec, scaler: scaling.Scaler) -> kube.Document:
    if scaler.kind == "hpa":
        return scaling.horizontal_pod_autoscaler(spec)
    return scaling.scaled_object(spec, scaler)
