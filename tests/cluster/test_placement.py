"""A real scheduler puts every pod on the nodes that were planned for it, and on no other."""

from __future__ import annotations

from collections import Counter

from tests.cluster import system
from tests.cluster.world import WORKLOAD, finished, ready


def test_everything_runs_on_the_planned_nodes(populated):
    """Nothing is pending on the nodes that the plan names and the bill counts, the system's among them.

    For the system's nodes `populate` has shown it, which adds none; tests of disruption may have added some since.
    """
    assert populated.unsettled() == []
    nodes = populated.node_counts()
    planned = {pool.name: pool.size for pool in populated.pools if pool.workload}
    assert {name: nodes[name] for name in planned} == planned


def test_no_pod_was_refused(populated):
    """Admission judges pods, not the Deployments that were accepted: a refusal shows only here."""
    failing = [
        f"{one['metadata']['name']}: {condition['message']}"
        for kind in ("ReplicaSet", "Deployment")
        for one in populated.api.list("apps/v1", kind)
        for condition in one["status"].get("conditions", [])
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
    ]
    assert not failing, failing


def test_servers_run_on_their_own_pool_only(populated):
    for workload in populated.workloads:
        pods = [pod for pod in populated.pods(workload.name) if ready(pod)]
        assert len(pods) == workload.replicas * workload.nodes_per_replica, workload.name
        pools = {populated.node_group_of(pod["spec"]["nodeName"]).workload for pod in pods}
        assert pools == {workload.name}


def test_nothing_else_runs_on_gpu_nodes(populated):
    """Only this workload's servers, and daemons."""
    gpu_nodes = {
        node["metadata"]["name"]
        for node in populated.api.list("v1", "Node")
        if "nvidia.com/gpu" in node["status"]["allocatable"]
    }
    daemons = {placed.name for placed in (*system.addons(), *system.charts(populated.graph)) if placed.daemon}
    strangers = [
        pod["metadata"]["name"]
        for pod in populated.api.list("v1", "Pod")
        if pod["spec"].get("nodeName") in gpu_nodes and not finished(pod)
        if WORKLOAD not in pod["metadata"].get("labels", {})
        and pod["metadata"]["labels"].get(system.LABEL) not in daemons
    ]
    assert not strangers


def test_every_gpu_node_has_its_daemons(populated):
    """The device plugin is on every GPU node; without it the node has no GPUs."""
    pods = populated.api.list("v1", "Pod", system.NAMESPACE, f"{system.LABEL}=nvidia-device-plugin")
    found = {pod["spec"]["nodeName"] for pod in pods if ready(pod)}
    wanted = {node["metadata"]["name"] for pool in populated.pools if pool.workload for node in pool.nodes()}
    assert found == wanted


def test_replicas_are_spread_over_zones(populated):
    """Whichever zone is lost, the replicas that serve the peak are elsewhere, where the plan promises that."""
    zones = populated.zones
    for workload in populated.workloads:
        if not workload.survives_zone or workload.nodes_per_replica > 1:
            continue
        by_zone = Counter(
            zones[pod["spec"]["nodeName"]] for pod in populated.pods(workload.name) if ready(pod)
        )
        worst = max(by_zone.values())
        assert workload.replicas - worst >= workload.serving, f"{workload.name}: {dict(by_zone)}"


def test_a_pod_without_gpu_request_stays_off_gpu_nodes(running):
    """The taint keeps others away even where only GPU nodes have room."""
    for node in running.api.list("v1", "Node"):
        if "nvidia.com/gpu" not in node["status"]["allocatable"]:
            name = node["metadata"]["name"]
            running.api.patch(f"/api/v1/nodes/{name}", {"spec": {"unschedulable": True}})
    stranger = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "stranger", "namespace": system.NAMESPACE},
        "spec": {"containers": [{"name": "main", "image": "none"}]},
    }
    running.api.create(stranger)
    try:
        running.plane.wait("the scheduler's verdict", lambda: _unschedulable(running), 15)
        pod = running.api.get("v1", "Pod", "stranger", system.NAMESPACE)
        assert "nodeName" not in pod["spec"]
    finally:
        running.api.delete("v1", "Pod", "stranger", system.NAMESPACE)


def _unschedulable(world) -> bool:
    pod = world.api.get("v1", "Pod", "stranger", system.NAMESPACE)
    conditions = pod["status"].get("conditions", [])
    return any(one.get("reason") == "Unschedulable" and "taint" in one["message"] for one in conditions)
