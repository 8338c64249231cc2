"""An environment in a control plane: its manifests applied, its nodes simulated, the charts' pods in place."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from inferstack.engine.graph import Graph
from inferstack.engine.manifests import UNKNOWN_TEXT, manifests
from tests.cluster import crds, nodes, system
from tests.cluster.api import Api, RefusedError
from tests.cluster.control_plane import ControlPlane

SERVING = "llm-serving"
HELM_FILE = "90-helm-releases.yaml"
WORKLOAD = "inferstack.dev/workload"
NOT_READY = "node.kubernetes.io/not-ready"
SETTLE_S = 60
START_S = 180
"""For everything to run that an environment has: much at once, on a machine that may have other work."""


@dataclass(frozen=True, kw_only=True)
class Applied:
    """One manifest, applied twice."""

    file: str
    refused: str | None = None
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Served:
    """One workload, as its service states it."""

    name: str
    replicas: int
    serving: int
    surge: int
    survives_zone: bool
    nodes_per_replica: int

    @property
    def object(self) -> str:
        return f"model-{self.name}"


@dataclass
class World:
    plane: ControlPlane
    graph: Graph
    pools: list[nodes.Pool]
    applied: list[Applied] = field(default_factory=list)

    @classmethod
    def start(
        cls, graph: Graph, folder: Path, operators: Callable[[ControlPlane], None] | None = None
    ) -> World:
        """API server with all kinds, and the manifests applied twice, before Kubernetes acts on them.

        ``operators`` are started before that: their webhooks see what is applied.
        """
        world = cls(with_kinds(folder), graph, nodes.pools(graph))
        try:
            if operators is not None:
                operators(world.plane)
            world.applied = applied_twice(world.api, graph)
        except BaseException:
            world.plane.stop()
            raise
        return world

    def populate(self) -> World:
        """Nodes, what EKS and the charts run there, and the controllers; waits until nothing is pending.

        No node is added: that it ends shows that the planned ones, which the bill counts, hold everything.
        """
        for document in system.place():
            self.api.create(document)
        for pool in self.pools:
            for node in pool.nodes():
                self.api.create(node)
        for placed in (*system.addons(), *system.charts(self.graph)):
            self.api.apply(placed.document())
        self._autoscale()
        self.plane.run_controllers()
        self.settle(START_S, grow=False)
        return self

    def _autoscale(self) -> None:
        """Where the manifest leaves the replicas to an autoscaler, it has asked for what the plan has."""
        wanted = {one.object: one.replicas for one in self.workloads}
        for kind, document in self.servers():
            name = document["metadata"]["name"]
            if kind == "Deployment" and name in wanted and "replicas" not in document["spec"]:
                path = f"{self.api.path_of(document)}/scale"
                self.api.patch(path, {"spec": {"replicas": wanted[name]}})

    @property
    def api(self) -> Api:
        return self.plane.api

    @property
    def workloads(self) -> list[Served]:
        found = []
        for one in self.graph.of_type("inferstack:index:VllmService"):
            facts: Mapping[str, Any] = one.inputs
            found.append(
                Served(
                    name=facts["workload"],
                    replicas=facts["replicas"],
                    serving=facts["replicasServing"],
                    surge=facts["surgeReplicas"],
                    survives_zone=facts["survivesZoneLoss"],
                    nodes_per_replica=facts["nodesPerReplica"],
                )
            )
        return found

    def pool(self, workload: str | None) -> nodes.Pool:
        return next(pool for pool in self.pools if pool.workload == workload)

    def pods(self, workload: str | None = None) -> list[dict[str, Any]]:
        """Of one workload, or all that do not belong to the simulation itself."""
        if workload is not None:
            return self.api.list("v1", "Pod", SERVING, f"{WORKLOAD}={workload}")
        return [pod for pod in self.api.list("v1", "Pod") if pod["metadata"]["namespace"] != system.NAMESPACE]

    def zone_of(self, pod: Mapping[str, Any]) -> str:
        return self.zones[pod["spec"]["nodeName"]]

    @property
    def zones(self) -> dict[str, str]:
        """Zone by node."""
        return {
            node["metadata"]["name"]: node["metadata"]["labels"]["topology.kubernetes.io/zone"]
            for node in self.api.list("v1", "Node")
        }

    def node_group_of(self, node: str) -> nodes.Pool:
        return next(pool for pool in self.pools if node.rpartition("-")[0] == pool.name)

    def node_counts(self) -> Counter[str]:
        """Nodes there are, by pool."""
        return Counter(self.node_group_of(node).name for node in self.zones)

    def settle(self, seconds: float = SETTLE_S, *, grow: bool = True) -> None:
        """Until all that was asked for runs, and nothing is on its way out; ``grow``: more system nodes if need be."""
        limit = time.monotonic() + seconds
        while waiting := self.unsettled():
            assert time.monotonic() < limit, f"after {seconds} s: {waiting}"
            self._reap()
            if grow:
                self._grow_system()
            self._provision()
            time.sleep(0.1)

    def _provision(self) -> None:
        """Volumes for claims whose pod has a node, as the EBS driver makes them."""
        for claim in self.api.list("v1", "PersistentVolumeClaim"):
            chosen = claim["metadata"].get("annotations", {}).get("volume.kubernetes.io/selected-node")
            if claim["status"].get("phase") == "Pending" and chosen:
                self.api.apply(system.volume(claim))

    def _grow_system(self) -> None:
        """System nodes are started for pending pods, up to the group's maximum, as in the cluster.

        One at a time, and the next one only when all that are there are ready and the scheduler has tried them:
        it says how many nodes it looked at, so a slow machine gets no more of them than a fast one. A daemon's
        pod asks for none: it belongs to a node that is there, and waits for what it has preempted to leave.
        """
        present = self.api.list("v1", "Node")
        if not all(condition(node, "Ready") and not _starting(node) for node in present):
            return
        all_tried = f"0/{len(present)} nodes"
        for pod in self.api.list("v1", "Pod"):
            why = _why(pod)
            short = "Insufficient cpu" in why or "Insufficient memory" in why or "Too many pods" in why
            if all_tried in why and short and "gpu" not in why and not _of_daemon(pod):
                self.grow(None)
                return

    def unsettled(self) -> list[str]:
        """What does not run yet, and why."""
        found = [self._waiting(pod) for pod in self.api.list("v1", "Pod") if not finished(pod)]
        short = [
            f"{one['metadata']['name']}: {one['status'].get('availableReplicas', 0)} of {one['spec']['replicas']}"
            for one in self.api.list("apps/v1", "Deployment")
            if not rolled_out(one)
        ]
        return [*short, *(text for text in found if text)]

    def _waiting(self, pod: Mapping[str, Any]) -> str:
        if ready(pod):
            return ""
        return f"{pod['metadata']['name']} {'is leaving' if leaving(pod) else _why(pod)}"

    def replace(self, change: Callable[[dict[str, Any]], None], kind: str, name: str) -> None:
        """Applies the environment's own manifest of an object with a change: what `pulumi up` would send."""
        document = self.document(kind, name)
        change(document)
        self.api.apply(document)

    def document(self, kind: str, name: str) -> dict[str, Any]:
        return next(
            document
            for _, document in documents(self.graph)
            if document["kind"] == kind and document["metadata"]["name"] == name
        )

    def grow(self, workload: str | None) -> str | None:
        """One node more, as the autoscaler would start for a pending pod; None: the group is at its maximum."""
        pool = self.pool(workload)
        taken = {node["metadata"]["name"] for node in self.api.list("v1", "Node")}
        node = next(nodes.unused(pool, taken), None)
        return None if node is None else self.api.create(node)["metadata"]["name"]

    def lose(self, nodes: Iterable[str]) -> None:
        """Nodes vanish with their pods, as the cloud's controller reports it."""
        for name in nodes:
            self.api.delete("v1", "Node", name)
        self._reap()

    def _reap(self) -> None:
        """Pods on nodes that are gone: Kubernetes' own collector takes up to a minute to find them."""
        nodes = self.zones
        for pod in self.api.list("v1", "Pod"):
            if pod["spec"].get("nodeName", "") not in ("", *nodes):
                self.api.kill(pod["metadata"]["namespace"], pod["metadata"]["name"])

    def restore(self) -> None:
        """The environment as applied, on exactly its planned nodes."""
        planned = {node["metadata"]["name"]: node for pool in self.pools for node in pool.nodes()}
        present = {node["metadata"]["name"] for node in self.api.list("v1", "Node")}
        for name in set(planned) - present:
            self.api.create(planned[name])
        for name in present:
            self.api.patch(f"/api/v1/nodes/{name}", {"spec": {"unschedulable": None}})
        for kind, document in self.servers():
            self.api.apply(document)
            if kind == "Deployment":
                self._make_room(document)
        self.settle()
        system = self.pool(None).name
        extra = {
            node["metadata"]["name"]
            for node in self.api.list("v1", "Node")
            if node["metadata"]["name"] not in planned and not node["metadata"]["name"].startswith(system)
        }
        if extra:
            self.lose(extra)
            self.settle()

    def servers(self) -> list[tuple[str, dict[str, Any]]]:
        """Kind and manifest of everything that runs pods for good."""
        kinds = ("Deployment", "LeaderWorkerSet")
        return [(one["kind"], one) for _, one in documents(self.graph) if one["kind"] in kinds]

    def _make_room(self, document: Mapping[str, Any]) -> None:
        """Going back is a rollout too: one that surges needs its node."""
        metadata = document["metadata"]
        surging = {one.object: one.name for one in self.workloads if one.surge}
        found = self.api.get("apps/v1", "Deployment", metadata["name"], metadata["namespace"])
        if metadata["name"] in surging and not rolled_out(found):
            self.grow(surging[metadata["name"]])


def with_kinds(folder: Path) -> ControlPlane:
    """etcd and an API server that knows all custom kinds."""
    plane = ControlPlane.start(folder)
    try:
        names = crds.install(plane.api, folder)
        plane.wait("all kinds to be served", lambda: names <= plane.api.served())
    except BaseException:
        plane.stop()
        raise
    return plane


def applied_twice(api: Api, graph: Graph) -> list[Applied]:
    """Every manifest of a graph, in its order, applied and applied again."""
    return [_twice(api, file, document) for file, document in documents(graph)]


def _twice(api: Api, file: str, document: dict[str, Any]) -> Applied:
    try:
        versions = [api.apply(document)["metadata"]["resourceVersion"] for _ in range(2)]
    except RefusedError as refusal:
        return Applied(file=file, refused=str(refusal))
    return Applied(file=file, versions=tuple(versions))


def documents(graph: Graph) -> Iterator[tuple[str, dict[str, Any]]]:
    """The manifests that `synth` writes, in their order; charts are not among them."""
    for manifest in manifests(graph):
        if manifest.file != HELM_FILE:
            yield manifest.file, _with_ids(yaml.safe_load(manifest.text))


def _with_ids(document: dict[str, Any]) -> dict[str, Any]:
    """Ids that AWS gives only at deployment, where a kind checks their form."""
    if document["kind"] == "EC2NodeClass":
        for key, made_up in (("subnetSelectorTerms", "subnet-0a"), ("securityGroupSelectorTerms", "sg-0a")):
            for term in document["spec"].get(key, []):
                term.update({"id": made_up} if term.get("id") == UNKNOWN_TEXT else {})
    return document


def _why(pod: Mapping[str, Any]) -> str:
    """Why a pod is not ready, in the scheduler's words."""
    conditions = pod["status"].get("conditions", [])
    return "; ".join(one.get("message", "") for one in conditions if one["status"] == "False")


def _starting(node: Mapping[str, Any]) -> bool:
    """Nothing is placed there yet."""
    return any(taint["key"] == NOT_READY for taint in node["spec"].get("taints", ()))


def _of_daemon(pod: Mapping[str, Any]) -> bool:
    return any(owner["kind"] == "DaemonSet" for owner in pod["metadata"].get("ownerReferences", ()))


def condition(entity: Mapping[str, Any], kind: str) -> bool:
    """Of a pod or a node."""
    return any(
        one["type"] == kind and one["status"] == "True" for one in entity["status"].get("conditions", [])
    )


def leaving(pod: Mapping[str, Any]) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def ready(pod: Mapping[str, Any]) -> bool:
    """Takes requests: told to go, it is out of the service's endpoints at once."""
    return condition(pod, "Ready") and not leaving(pod)


def finished(pod: Mapping[str, Any]) -> bool:
    return bool(pod["status"].get("phase") == "Succeeded")


def rolled_out(deployment: Mapping[str, Any]) -> bool:
    """The newest revision runs in full, and nothing of an older one is left."""
    status, wanted = deployment["status"], deployment["spec"]["replicas"]
    return bool(
        status.get("observedGeneration") == deployment["metadata"]["generation"]
        and status.get("updatedReplicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
    )


def until(done: Callable[[], bool], what: str, seconds: float = SETTLE_S) -> None:
    """Polls until it is so."""
    limit = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < limit, f"waited {seconds} s for {what}"
        time.sleep(0.1)
