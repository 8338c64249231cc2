"""A model over several nodes, under the LeaderWorkerSet controller: groups come, go and stay whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import pytest

from tests.cluster.api import RefusedError
from tests.cluster.lws import run_lws
from tests.cluster.watch import count_ready
from tests.cluster.world import SERVING, World, leaving, ready, until
from tests.components import builders
from tests.components.running import build, preview

GROUP = "leaderworkerset.sigs.k8s.io/group-index"
WORKER = "leaderworkerset.sigs.k8s.io/worker-index"
LEADERS = f"{WORKER}=0"
EFA = "vpc.amazonaws.com/efa"
REVISION = "test.inferstack.dev/revision"


PLANS = {"pipeline": builders.group_plan, "data parallel": builders.rank_group_plan}


@pytest.fixture(scope="module", params=PLANS)
def groups(request, tmp_path_factory, control_plane_binaries) -> Iterator[World]:
    """Two replicas of two nodes each: stages of a pipeline, or data-parallel ranks."""
    graph = preview(build(builders.groups(PLANS[request.param]())))
    started = World.start(graph, tmp_path_factory.mktemp("groups"), operators=run_lws)
    try:
        started.populate()
        settle(started)
        yield started
    finally:
        started.plane.stop()


@pytest.fixture
def intact(groups: World) -> Iterator[World]:
    """For tests that break things: afterwards all is as it was applied."""
    yield groups
    groups.api.apply(server(groups))
    settle(groups)


def server(world: World) -> dict[str, Any]:
    (document,) = (one for kind, one in world.servers() if kind == "LeaderWorkerSet")
    return document


def name(world: World) -> str:
    (workload,) = world.workloads
    return workload.name


def status(world: World) -> Mapping[str, Any]:
    document = server(world)
    found = world.api.get("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", object_name(document), SERVING)
    return {"replicas": found["spec"]["replicas"], **found.get("status", {})}


def object_name(document: Mapping[str, Any]) -> str:
    return str(document["metadata"]["name"])


def settle(world: World) -> None:
    """All groups of the newest revision ready, and no rank of another one left."""
    (workload,) = world.workloads
    ranks = workload.replicas * workload.nodes_per_replica

    def whole() -> bool:
        world._reap()
        pods = world.pods(workload.name)
        return len(pods) == ranks and all(ready(pod) for pod in pods)

    until(whole, "all ranks")
    until(lambda: status(world).get("updatedReplicas") == workload.replicas, "the newest revision")


def by_group(world: World) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for pod in world.pods(name(world)):
        found.setdefault(pod["metadata"]["labels"][GROUP], []).append(pod)
    return found


def uids(pods: list[dict[str, Any]]) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods}


def test_the_manifests_are_accepted_twice(groups):
    """By the controller's webhooks too."""
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
    zones = {group: {groups.zone_of(pod) for pod in pods} for group, pods in by_group(groups).items()}
    assert len(zones) == groups.workloads[0].replicas
    assert all(len(found) == 1 for found in zones.values()), zones


def test_every_rank_has_all_of_the_nodes_efa_interfaces(groups):
    pool = groups.pool(name(groups))
    assert pool.machine.efa > 0
    for pod in groups.pods(name(groups)):
        limits = pod["spec"]["containers"][0]["resources"]["limits"]
        assert limits[EFA] == str(pool.machine.efa)
        assert limits["nvidia.com/gpu"] == str(pool.machine.gpus)


def test_the_processes_of_a_group_are_as_many_as_its_gpus(groups):
    """Counted from the running pods' arguments: a rank more or less and vLLM does not start."""
    for pod in groups.pods(groups.workloads[0].name):
        container = pod["spec"]["containers"][0]
        words = container["args"]
        sizes = {word: words[at + 1] for at, word in enumerate(words[:-1]) if word.endswith("-size")}
        of_all = prod(
            int(sizes.get(f"--{name}-parallel-size", "1")) for name in ("tensor", "pipeline", "data")
        )
        gpus = int(container["resources"]["limits"]["nvidia.com/gpu"])
        assert of_all == gpus * groups.workloads[0].nodes_per_replica


def test_every_rank_is_told_who_leads_and_which_one_it_is(groups):
    """The controller's variables stand before those that are made from them, or Kubernetes leaves them empty."""
    for group, pods in by_group(groups).items():
        for pod in pods:
            index = pod["metadata"]["labels"][WORKER]
            container = pod["spec"]["containers"][0]
            told = expanded(container)
            leader = f"{object_name(server(groups))}-{group}"
            assert told["LWS_LEADER_ADDRESS"].split(".")[0] == leader
            arguments = [fill(argument, told) for argument in container["args"]]
            assert not [argument for argument in arguments if "$(" in argument and "POD_" not in argument]
            at = arguments.index("--node-rank")
            assert arguments[at + 1] == index
            assert arguments[arguments.index("--master-addr") + 1] == told["LWS_LEADER_ADDRESS"]
            assert ("--headless" in arguments) == (index != "0")


def test_the_leaders_address_is_of_a_service_that_knows_it_before_it_is_ready(groups):
    """Ranks meet while none is ready."""
    pod = next(pod for pods in by_group(groups).values() for pod in pods)
    domain = expanded(pod["spec"]["containers"][0])["LWS_LEADER_ADDRESS"].split(".")[1]
    service = groups.api.get("v1", "Service", domain, SERVING)
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True


def test_only_leaders_take_requests(groups):
    entries = groups.api.list("discovery.k8s.io/v1", "EndpointSlice", SERVING)
    own = [
        one
        for one in entries
        if one["metadata"]["labels"].get("kubernetes.io/service-name") in services(groups)
    ]
    targets = {entry["targetRef"]["name"] for one in own for entry in one.get("endpoints") or ()}
    leaders = {pod["metadata"]["name"] for pod in groups.pods(name(groups)) if is_leader(pod)}
    assert targets == leaders
    assert leaders


def services(world: World) -> set[str]:
    """What callers are sent to; the controller's own headless one is for the ranks."""
    found = world.api.list("v1", "Service", SERVING)
    return {one["metadata"]["name"] for one in found if one["spec"].get("clusterIP") != "None"}


def is_leader(pod: Mapping[str, Any]) -> bool:
    return bool(pod["metadata"]["labels"][WORKER] == "0")


def told_to_go(world: World, pod: Mapping[str, Any]) -> None:
    world.api.delete("v1", "Pod", pod["metadata"]["name"], SERVING)


def crashed(world: World, pod: Mapping[str, Any]) -> None:
    """As the kubelet reports a container that ended and was started again."""
    status = [{**one, "restartCount": 1} for one in pod["status"]["containerStatuses"]]
    path = f"{world.api.path('v1', 'Pod', pod['metadata']['name'], SERVING)}/status"
    world.api.patch(path, {"status": {"containerStatuses": status}})


@pytest.mark.parametrize("lose", [told_to_go, crashed])
def test_a_rank_that_is_lost_takes_its_group_and_no_other(intact, lose):
    """An engine without one of its ranks answers nothing: all of them start again."""
    first, second = (by_group(intact)[group] for group in ("0", "1"))
    with count_ready(intact.api, name(intact), LEADERS) as counted:
        lose(intact, next(pod for pod in first if not is_leader(pod)))
        until(lambda: not uids(first) & uids(intact.pods(name(intact))), "the group's pods to be replaced")
        settle(intact)
    assert uids(by_group(intact)["1"]) == uids(second)
    assert counted.least == intact.workloads[0].serving


def test_an_update_goes_group_by_group_on_the_nodes_there_are(intact):
    before = uids(intact.pods(name(intact)))
    document = server(intact)
    for template in ("leaderTemplate", "workerTemplate"):
        metadata = document["spec"]["leaderWorkerTemplate"][template]["metadata"]
        metadata["annotations"] = {**metadata.get("annotations", {}), REVISION: "2"}
    with count_ready(intact.api, name(intact), LEADERS) as counted:
        intact.api.apply(document)
        until(lambda: not before & uids(intact.pods(name(intact))), "all pods to be replaced")
        settle(intact)
    assert counted.least >= intact.workloads[0].serving
    nodes = {pod["spec"]["nodeName"] for pod in intact.pods(name(intact))}
    assert len(nodes) == intact.pool(name(intact)).size


def test_a_drain_waits_for_the_other_group(intact):
    first, second = (by_group(intact)[group] for group in ("0", "1"))
    intact.api.evict(SERVING, first[0]["metadata"]["name"])
    until(lambda: any(leaving(pod) or not ready(pod) for pod in by_group(intact)["0"]), "the first to go")
    with pytest.raises(RefusedError) as refused:
        intact.api.evict(SERVING, second[0]["metadata"]["name"])
    assert refused.value.status == 429


def test_a_group_more_than_there_are_nodes_for_waits_and_moves_nobody(intact):
    before = uids(intact.pods(name(intact)))
    scale(intact, 3)
    until(lambda: any("didn't match" in why or "Insufficient" in why for why in waiting(intact)), "a verdict")
    assert before == uids([pod for pod in intact.pods(name(intact)) if ready(pod)])


def test_an_autoscaler_takes_the_last_group_whole(intact):
    kept = uids(by_group(intact)["0"])
    scale(intact, 1)
    until(lambda: set(by_group(intact)) == {"0"}, "the second group to go")
    assert uids(intact.pods(name(intact))) == kept


def scale(world: World, replicas: int) -> None:
    path = f"{world.api.path_of(server(world))}/scale"
    world.api.patch(path, {"spec": {"replicas": replicas}})


def waiting(world: World) -> list[str]:
    found = []
    for pod in world.pods(name(world)):
        conditions = pod["status"].get("conditions", [])
        found += [one["message"] for one in conditions if one.get("reason") == "Unschedulable"]
    return found


def expanded(container: Mapping[str, Any]) -> dict[str, str]:
    """Variables as the kubelet fills them: each sees those before it only."""
    found: dict[str, str] = {}
    for variable in container.get("env", ()):
        if "value" in variable:
            found[variable["name"]] = fill(variable["value"], found)
        else:
            field = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
            found[variable["name"]] = f"<{field}>" if field else ""
    return found


def fill(text: str, variables: Mapping[str, str]) -> str:
    for key, value in variables.items():
        text = text.replace(f"$({key})", value)
    return text
