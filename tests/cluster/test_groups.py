"""A model over several nodes: its groups are placed whole, together, on nodes with EFA.

The LeaderWorkerSet controller is not here. Its pods are made as it makes them (leader and workers by their
templates, its labels on them); accepting the object and placing the pods is the real servers' work.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.world import SERVING, World, ready
from tests.components import builders
from tests.components.running import build, preview

GROUP = "leaderworkerset.sigs.k8s.io/group-index"
WORKER = "leaderworkerset.sigs.k8s.io/worker-index"
EFA = "vpc.amazonaws.com/efa"


@pytest.fixture(scope="module")
def groups(tmp_path_factory, control_plane_binaries) -> Iterator[World]:
    started = World.start(preview(build(builders.groups())), tmp_path_factory.mktemp("groups"))
    try:
        started.populate()
        for pod in pods_of(started):
            started.api.create(pod)
        started.settle()
        yield started
    finally:
        started.plane.stop()


def server(world: World) -> dict[str, Any]:
    (document,) = (one for kind, one in world.servers() if kind == "LeaderWorkerSet")
    return document


def pods_of(world: World) -> list[dict[str, Any]]:
    """What the controller creates for every replica: a leader, and workers up to the group's size."""
    document = server(world)
    template = document["spec"]["leaderWorkerTemplate"]
    made = []
    for group in range(document["spec"]["replicas"]):
        for index in range(template["size"]):
            source = template["leaderTemplate" if index == 0 else "workerTemplate"]
            pod = copy.deepcopy(source)
            name = document["metadata"]["name"]
            labels = {**pod["metadata"].get("labels", {}), GROUP: str(group), WORKER: str(index)}
            pod["metadata"] |= {"name": f"{name}-{group}-{index}", "namespace": SERVING, "labels": labels}
            made.append({"apiVersion": "v1", "kind": "Pod", **pod})
    return made


def test_the_manifests_are_accepted_twice(groups):
    assert [one.refused for one in groups.applied if one.refused] == []
    assert [one.file for one in groups.applied if len(set(one.versions)) != 1] == []
    assert any("leaderworkerset" in one.file for one in groups.applied)


def test_every_rank_has_a_node_of_the_pool_to_itself(groups):
    (workload,) = groups.workloads
    pods = groups.pods(workload.name)
    assert len(pods) == workload.replicas * workload.nodes_per_replica
    assert all(ready(pod) for pod in pods)
    nodes = [pod["spec"]["nodeName"] for pod in pods]
    assert len(set(nodes)) == len(nodes)
    assert {groups.node_group_of(node).workload for node in nodes} == {workload.name}


def test_a_group_is_in_one_zone(groups):
    """Ranks talk through a placement group, which does not span zones."""
    zones: dict[str, set[str]] = {}
    for pod in groups.pods(groups.workloads[0].name):
        zones.setdefault(pod["metadata"]["labels"][GROUP], set()).add(groups.zone_of(pod))
    assert len(zones) == groups.workloads[0].replicas
    assert all(len(found) == 1 for found in zones.values()), zones


def test_every_rank_has_all_of_the_nodes_efa_interfaces(groups):
    pool = groups.pool(groups.workloads[0].name)
    assert pool.machine.efa > 0
    for pod in groups.pods(groups.workloads[0].name):
        limits = pod["spec"]["containers"][0]["resources"]["limits"]
        assert limits[EFA] == str(pool.machine.efa)
        assert limits["nvidia.com/gpu"] == str(pool.machine.gpus)


def test_a_group_that_finds_no_second_node_waits(groups):
    """One group more than there are nodes: nothing of another group is moved for it."""
    template = pods_of(groups)[0]
    template["metadata"] |= {"name": "one-too-many"}
    before = {pod["metadata"]["uid"] for pod in groups.pods(groups.workloads[0].name)}
    groups.api.create(template)
    try:
        groups.plane.wait("the scheduler's verdict", lambda: bool(waiting(groups)), 20)
        after = {pod["metadata"]["uid"] for pod in groups.pods(groups.workloads[0].name) if ready(pod)}
        assert after == before
    finally:
        groups.api.kill(SERVING, "one-too-many")


def waiting(world: World) -> list[str]:
    pod = world.api.get("v1", "Pod", "one-too-many", SERVING)
    conditions = pod["status"].get("conditions", [])
    return [one["message"] for one in conditions if one.get("reason") == "Unschedulable"]
