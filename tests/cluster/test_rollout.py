"""A new version from its first pod to the end of the old one, with the manifests that each step deploys.

Every step is the synth of the files as they are then, applied as the engine applies it: what is new or changed,
then, when that has rolled out, what left is deleted. Ready pods are counted all along, from the API server's stream.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from inferstack.engine.graph import Graph
from inferstack.engine.program import run_program
from inferstack.engine.project import resolve
from tests.cluster import nodes
from tests.cluster.api import RefusedError
from tests.cluster.lws import run_lws
from tests.cluster.watch import Counted, count_ready, count_selected
from tests.cluster.world import SERVING, WORKLOAD, World, documents, leaving, ready, until
from tests.components import builders
from tests.components.running import build, preview
from tests.example_graphs import folder

GATEWAY = "gateway"
LITELLM = "app.kubernetes.io/name=litellm"
GATEWAY_PODS = 2
Key = tuple[str, str, str]
Placed = Mapping[Key, dict[str, Any]]


def placed(graph: Graph) -> dict[Key, dict[str, Any]]:
    """Manifests by kind, namespace and name, in their order."""
    return {
        (one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one
        for _, one in documents(graph)
    }


@dataclass
class Rollout:
    """A cluster in which steps are deployed, and what was counted since the last one."""

    world: World
    entry: str = ""
    """Narrows to pods that answer requests."""

    @property
    def workloads(self) -> dict[str, int]:
        """Planned replicas by name."""
        return {one.name: one.replicas for one in self.world.workloads}

    def deploy(self, graph: Graph) -> dict[str, Counted]:
        """One `up`; the counts of what was there before it, and of the gateway."""
        world = self.world
        before, after = placed(world.graph), placed(graph)
        with ExitStack() as stack:
            counted = {
                name: stack.enter_context(count_ready(world.api, name, self.entry)) for name in self.workloads
            }
            counted[GATEWAY] = stack.enter_context(
                count_selected(world.api, self._gateway_namespace, LITELLM)
            )
            self._start_nodes(graph)
            for key, document in after.items():
                if document != before.get(key):
                    world.api.apply(document)
            world.graph = graph
            world._autoscale()
            self.settle()
            for key in reversed([key for key in before if key not in after]):
                self._delete(before[key])
            self._stop_nodes(graph)
            self.settle()
        return counted

    @property
    def _gateway_namespace(self) -> str:
        return next(
            key[1] for key in placed(self.world.graph) if key[0] == "Deployment" and key[2] == "litellm"
        )

    def settle(self) -> None:
        """Nothing is on its way; every workload has its replicas, over however many nodes."""
        self.world.settle(120)
        for one in self.world.workloads:
            ranks = one.replicas * one.nodes_per_replica

            def whole(name: str = one.name, ranks: int = ranks) -> bool:
                pods = self.world.pods(name)
                return len(pods) == ranks and all(ready(pod) for pod in pods)

            until(whole, f"{ranks} pods of {one.name}", 120)

    def _start_nodes(self, graph: Graph) -> None:
        """The planned nodes of new pools, and not one more: there is no spare GPU in this cluster."""
        known = {pool.name for pool in self.world.pools}
        for pool in nodes.pools(graph):
            if pool.name not in known:
                self.world.pools.append(pool)
                for node in pool.nodes():
                    self.world.api.create(node)

    def _stop_nodes(self, graph: Graph) -> None:
        wanted = {pool.name for pool in nodes.pools(graph)}
        gone = [pool for pool in self.world.pools if pool.name not in wanted]
        self.world.pools = [pool for pool in self.world.pools if pool.name in wanted]
        for pool in gone:
            until(lambda name=pool.workload: not self.world.pods(name), f"{pool.workload} to leave", 120)
            self.world.lose([node["metadata"]["name"] for node in pool.nodes()])

    def _delete(self, document: Mapping[str, Any]) -> None:
        metadata = document["metadata"]
        try:
            self.world.api.delete(
                document["apiVersion"], document["kind"], metadata["name"], metadata.get("namespace")
            )
        except RefusedError as refused:
            if refused.status != 404:
                raise

    def servers(self, name: str) -> set[str]:
        """Of pods that take requests or will: a restarted server has another."""
        return {pod["metadata"]["uid"] for pod in self.world.pods(name) if not leaving(pod)}

    def gateway_pods(self) -> set[str]:
        pods = self.world.api.list("v1", "Pod", self._gateway_namespace, LITELLM)
        return {pod["metadata"]["uid"] for pod in pods if not leaving(pod)}

    def gateway(self) -> dict[str, Any]:
        """The Deployment's pod template, as the API server has it."""
        found = self.world.api.get("apps/v1", "Deployment", "litellm", self._gateway_namespace)
        return dict(found["spec"]["template"])

    def shares(self, group: str) -> dict[str, float]:
        """What the gateway that runs would send where, for the callers of a name."""
        (volume,) = (one for one in self.gateway()["spec"]["volumes"] if one["name"] == "config")
        config = self.world.api.get("v1", "ConfigMap", volume["configMap"]["name"], self._gateway_namespace)
        members = [
            one
            for one in yaml.safe_load(config["data"]["config.yaml"])["model_list"]
            if one["model_name"] == group
        ]
        own = [one for one in members if not one["model_info"]["external"]]
        for one in own:
            assert self._answering(one["litellm_params"]["api_base"]), one
        return {one["model_info"]["workload"]: one["litellm_params"].get("weight", 100.0) for one in own}

    def _answering(self, address: str) -> int:
        """Ready pods behind a Service's address."""
        name = address.removeprefix("http://").partition(".")[0]
        selector = self.world.api.get("v1", "Service", name, SERVING)["spec"]["selector"]
        text = ",".join(f"{key}={value}" for key, value in selector.items())
        return sum(ready(pod) for pod in self.world.api.list("v1", "Pod", SERVING, text))

    def budget(self, name: str) -> int:
        """Evictions that are allowed now."""
        found = self.world.api.list("policy/v1", "PodDisruptionBudget", SERVING, f"{WORKLOAD}={name}")
        return int(found[0]["status"]["disruptionsAllowed"])

    def step(self, graph: Graph, group: str, shares: Mapping[str, float], *, stays: tuple[str, ...]) -> None:
        """Deploys; what stays keeps every server and never misses one, and the gateway moves pod by pod."""
        pods, counted = self.gateway_pods(), self.deploy_beside(graph, stays)
        assert self.gateway_pods().isdisjoint(pods), "the new configuration is in none of them"
        assert counted.most <= GATEWAY_PODS + 1, counted
        assert self.shares(group) == shares

    def end(self, graph: Graph, group: str, shares: Mapping[str, float], *, stays: tuple[str, ...]) -> None:
        """As a step, and not even the gateway moves: its configuration already says what is left."""
        pods = self.gateway_pods()
        self.deploy_beside(graph, stays)
        assert self.gateway_pods() == pods
        assert self.shares(group) == shares

    def deploy_beside(self, graph: Graph, stays: tuple[str, ...]) -> Counted:
        """The gateway's pods meanwhile; what stays keeps every server and never misses one."""
        before = {name: self.servers(name) for name in stays}
        counted = self.deploy(graph)
        for name in stays:
            assert self.servers(name) == before[name], f"{name} restarted"
            assert set(counted[name].seen) == {self.workloads[name]}, f"{name}: {counted[name]}"
            assert self.budget(name) >= (1 if self.workloads[name] > 1 else 0), name
        assert counted[GATEWAY].least >= GATEWAY_PODS, counted[GATEWAY]
        assert len(self.gateway_pods()) == GATEWAY_PODS
        return counted[GATEWAY]


OLD, NEW = "support-chat", "support-chat-v2"


@dataclass(frozen=True)
class Files:
    """A copy of an example environment, whose new version is edited from step to step."""

    path: Path

    def new(self, changes: Mapping[str, Any]) -> Graph:
        source = yaml.safe_load((self.path / "workloads" / "chat.yaml.old").read_text())
        document = {
            **{key: value for key, value in source.items() if key != "rollout"},
            "name": NEW,
            **changes,
        }
        (self.path / "workloads" / "chat-v2.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        return self.graph()

    def at(self, traffic: int) -> Graph:
        return self.new({"rollout": {"strategy": "canary", "replaces": OLD, "traffic": traffic}})

    def without_old(self) -> Graph:
        (self.path / "workloads" / "chat.yaml").unlink()
        team = (self.path / "environment.yaml").read_text()
        assert OLD in team, "a team of the example calls the old name, and goes on doing so"
        return self.new({"answersTo": [OLD]})

    def graph(self) -> Graph:
        return run_program(resolve(self.path / "environment.yaml"))


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Files:
    path = tmp_path_factory.mktemp("stacks") / "prod-eu"
    shutil.copytree(folder("prod-eu"), path)
    shutil.copy(path / "workloads" / "chat.yaml", path / "workloads" / "chat.yaml.old")
    return Files(path)


@pytest.fixture(scope="module")
def canary(files: Files, tmp_path_factory, control_plane_binaries) -> Iterator[Rollout]:
    """The example as it runs before anything new."""
    world = World.start(files.graph(), tmp_path_factory.mktemp("canary"))
    try:
        world.populate()
        yield Rollout(world)
    finally:
        world.plane.stop()


class TestCanary:
    """In the order of the table in docs/gateway.md; KEDA owns the replicas of both versions."""

    def test_the_new_version_comes_up_beside_the_old_one(self, canary: Rollout, files: Files) -> None:
        others = tuple(canary.workloads)
        canary.step(files.at(0), OLD, {OLD: 100.0}, stays=others)
        assert canary.shares(NEW) == {NEW: 100.0}
        assert len(canary.servers(NEW)) == canary.workloads[NEW]
        deployment = canary.world.document("Deployment", f"model-{OLD}")
        assert "replicas" not in deployment["spec"], "the autoscaler's"

    def test_a_first_step_and_its_abort(self, canary: Rollout, files: Files) -> None:
        """Back at 0 the gateway's pods are what they were, to the name of their configuration."""
        before, stays = canary.gateway(), tuple(canary.workloads)
        canary.step(files.at(25), OLD, {OLD: 75.0, NEW: 25.0}, stays=stays)
        assert canary.gateway() != before
        canary.step(files.at(0), OLD, {OLD: 100.0}, stays=stays)
        assert canary.gateway() == before

    @pytest.mark.parametrize("traffic", [5, 100])
    def test_every_step_replaces_gateway_pods_only(self, canary: Rollout, files: Files, traffic: int) -> None:
        shares = {OLD: 100.0 - traffic, NEW: float(traffic)}
        stays = tuple(canary.workloads)
        canary.step(files.at(traffic), OLD, {k: v for k, v in shares.items() if v}, stays=stays)

    def test_the_end_takes_the_old_servers_and_nothing_else(self, canary: Rollout, files: Files) -> None:
        """One change: its file goes, its name stays. The weights are loaded once."""
        stays = tuple(name for name in canary.workloads if name != OLD)
        jobs = {one["metadata"]["uid"] for one in canary.world.api.list("batch/v1", "Job", SERVING)}
        canary.end(files.without_old(), OLD, {NEW: 100.0}, stays=stays)
        assert canary.servers(OLD) == set()
        assert canary.shares(NEW) == {NEW: 100.0}
        assert {one["metadata"]["uid"] for one in canary.world.api.list("batch/v1", "Job", SERVING)} <= jobs
        left = [
            f"{kind}/{name}"
            for api, kind in (
                ("apps/v1", "Deployment"),
                ("v1", "Service"),
                ("policy/v1", "PodDisruptionBudget"),
            )
            for name in (one["metadata"]["name"] for one in canary.world.api.list(api, kind, SERVING))
            if name == f"model-{OLD}"
        ]
        assert left == []


def versions(*changes: tuple[str, Mapping[str, Any]]) -> Callable[[], object]:
    """An environment of versions of one model over several nodes, behind a gateway of two pods."""
    pairs = [
        (
            builders.workload(name, "deepseek-ai/DeepSeek-V3-0324", **sections),
            replace(builders.group_plan(), workload=name, served_model_name=name),
        )
        for name, sections in changes
    ]
    spec = builders.environment(
        "groups",
        cloud={"account": "123456789012", "region": "us-west-2", "zones": 2},
        monitoring={"stack": "none"},
        gateway={"host": "llm.example.com"},
        tags={"environment": "prod"},
    )
    return build(builders.arguments(spec, ("usw2-az2", "usw2-az3"), *pairs))


def blue_green(traffic: int) -> Graph:
    rollout = {"strategy": "blue-green", "replaces": "reasoning", "traffic": traffic}
    return preview(versions(("reasoning", {}), ("reasoning-v2", {"rollout": rollout})))


@pytest.fixture(scope="module")
def groups(tmp_path_factory, control_plane_binaries) -> Iterator[Rollout]:
    first = preview(versions(("reasoning", {})))
    world = World.start(first, tmp_path_factory.mktemp("groups"), operators=run_lws)
    try:
        world.populate()
        found = Rollout(world, entry="leaderworkerset.sigs.k8s.io/worker-index=0")
        found.settle()
        yield found
    finally:
        world.plane.stop()


class TestBlueGreen:
    """Replicas over several nodes, under the LeaderWorkerSet controller."""

    def test_green_stands_beside_blue(self, groups: Rollout) -> None:
        groups.step(blue_green(0), "reasoning", {"reasoning": 100.0}, stays=("reasoning",))
        assert groups.shares("reasoning-v2") == {"reasoning-v2": 100.0}

    def test_all_callers_move_at_once_and_back(self, groups: Rollout) -> None:
        stays = ("reasoning", "reasoning-v2")
        before = groups.gateway()
        groups.step(blue_green(100), "reasoning", {"reasoning-v2": 100.0}, stays=stays)
        groups.step(blue_green(0), "reasoning", {"reasoning": 100.0}, stays=stays)
        assert groups.gateway() == before
        groups.step(blue_green(100), "reasoning", {"reasoning-v2": 100.0}, stays=stays)

    def test_blue_goes_and_its_name_stays(self, groups: Rollout) -> None:
        end = preview(versions(("reasoning-v2", {"answersTo": ["reasoning"]})))
        groups.end(end, "reasoning", {"reasoning-v2": 100.0}, stays=("reasoning-v2",))
        until(lambda: not groups.world.pods("reasoning"), "blue to leave")
