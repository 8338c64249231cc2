"""Zones, nodes and rollouts come and go; the promised replicas stay.

All workloads of an environment go through it together, as they do under `pulumi up`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.cluster.api import RefusedError
from tests.cluster.stages import STUCK
from tests.cluster.watch import Counted, count_ready
from tests.cluster.world import SERVING, Served, World, ready, rolled_out, until

NEW = "test.inferstack.dev/revision"


def single_node(world: World, *, surge: bool | None = None) -> list[Served]:
    return [
        workload
        for workload in world.workloads
        if workload.nodes_per_replica == 1 and (surge is None or bool(workload.surge) == surge)
    ]


@contextmanager
def watching(world: World, workloads: list[Served]) -> Iterator[Mapping[str, Counted]]:
    with ExitStack() as stack:
        yield {one.name: stack.enter_context(count_ready(world.api, one.name)) for one in workloads}


def roll(world: World, workloads: list[Served], **annotations: str) -> None:
    """A change of the pod template, as a new image or argument is."""

    def change(document: dict[str, Any]) -> None:
        metadata = document["spec"]["template"]["metadata"]
        metadata["annotations"] = {**metadata.get("annotations", {}), NEW: "2", **annotations}

    for workload in workloads:
        world.replace(change, "Deployment", workload.object)


def roll_back(world: World, workloads: list[Served]) -> None:
    for workload in workloads:
        world.replace(lambda document: None, "Deployment", workload.object)


def finish(world: World, workloads: list[Served]) -> None:
    def done(workload: Served) -> bool:
        return rolled_out(world.api.get("apps/v1", "Deployment", workload.object, SERVING))

    until(lambda: all(done(one) for one in workloads), "the rollouts")


def each(world: World, workloads: list[Served], holds: Callable[[dict[str, Any]], bool], what: str) -> None:
    """Until at least one pod of every workload is so."""
    until(lambda: all(any(holds(pod) for pod in world.pods(one.name)) for one in workloads), what)


def pending(pod: dict[str, Any]) -> bool:
    return "nodeName" not in pod["spec"]


def stuck(pod: dict[str, Any]) -> bool:
    return STUCK in pod["metadata"].get("annotations", {}) and not pending(pod)


def nodes_of(world: World, zone: str) -> list[str]:
    """The GPU nodes of a zone."""
    return [
        node["metadata"]["name"]
        for pool in world.pools
        for node in pool.nodes()
        if pool.workload and node["metadata"]["labels"]["topology.kubernetes.io/zone"] == zone
    ]


def gpu_zones(world: World) -> list[str]:
    return sorted({zone for pool in world.pools if pool.workload for zone in pool.zones[: pool.size]})


def test_a_lost_zone_leaves_the_promise(running):
    """Nodes vanish with their pods, as when a zone fails, and no new one starts."""
    promised = [one for one in single_node(running) if one.survives_zone]
    for zone in gpu_zones(running) if promised else ():
        lost = nodes_of(running, zone)
        running.lose(lost)
        for workload in promised:
            serving = sum(ready(pod) for pod in running.pods(workload.name))
            assert serving >= workload.serving, f"{workload.name} without {zone}: {serving}"
        running.restore()


def test_draining_a_zone_keeps_what_serves_the_peak(running):
    """`kubectl drain` of all its nodes, as an upgrade does it; evicted pods find no other GPU."""
    workloads = single_node(running)
    zone = gpu_zones(running)[0]
    nodes = nodes_of(running, zone)
    with watching(running, workloads) as counted:
        for node in nodes:
            running.api.patch(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": True}})
        for workload in workloads:
            evict(running, [pod for pod in running.pods(workload.name) if pod["spec"]["nodeName"] in nodes])
    for workload in workloads:
        if workload.survives_zone:
            assert counted[workload.name].least >= workload.serving, f"{workload.name}: {counted}"


def test_budgets_hold_when_everything_is_evicted(running):
    """The budget lets go of what redundancy allows and no more, and never of nothing."""
    for workload in single_node(running):
        budget = running.api.get("policy/v1", "PodDisruptionBudget", workload.object, SERVING)
        allowed = budget["status"]["disruptionsAllowed"]
        assert allowed >= 1, f"{workload.name}: a budget of none blocks every upgrade"
        assert evict(running, running.pods(workload.name)) == allowed
        if workload.replicas > 1:
            assert workload.replicas - allowed >= workload.serving, workload.name


def evict(world: World, pods: list[dict[str, Any]]) -> int:
    """Asks once for every pod; how many were let go."""
    gone = 0
    for pod in pods:
        try:
            world.api.evict(SERVING, pod["metadata"]["name"])
            gone += 1
        except RefusedError as answer:
            if answer.status != 429:
                raise
    return gone


def test_a_rollout_without_surge_needs_no_spare_gpu(running):
    """One by one on the nodes there are, never below what serves the peak."""
    workloads = single_node(running, surge=False)
    with watching(running, workloads) as counted:
        roll(running, workloads)
        finish(running, workloads)
    for workload in workloads:
        least = counted[workload.name].least
        assert least >= max(workload.serving, workload.replicas - 1), f"{workload.name}: {counted}"


def test_a_rollout_with_surge_starts_before_it_stops(running):
    """The autoscaler brings the surge's node, which the pool's maximum allows; no replica is missed meanwhile."""
    workloads = single_node(running, surge=True)
    with watching(running, workloads) as counted:
        roll(running, workloads)
        each(running, workloads, pending, "the rollouts to ask for nodes")
        for workload in workloads:
            assert running.grow(workload.name), f"{workload.name}: the pool is at its maximum"
        finish(running, workloads)
    for workload in workloads:
        assert counted[workload.name].least >= workload.replicas, f"{workload.name}: {counted}"


def test_a_surge_that_finds_no_gpu_costs_nothing(running):
    """EC2 has none to give: the rollout waits, the old version serves in full, and going back is possible."""
    workloads = single_node(running, surge=True)
    with watching(running, workloads) as counted:
        roll(running, workloads)
        each(running, workloads, pending, "the rollouts to ask for nodes")
        roll_back(running, workloads)
        finish(running, workloads)
    for workload in workloads:
        assert counted[workload.name].least >= workload.replicas, f"{workload.name}: {counted}"


def test_a_version_that_never_answers_leaves_the_old_one_serving(running):
    """A broken image stops its rollout at the first replica, and going back needs nothing special."""
    workloads = [one for one in single_node(running) if one.replicas > 1]
    with watching(running, workloads) as counted:
        roll(running, workloads, **{STUCK: "true"})
        surging = [one for one in workloads if one.surge]
        each(running, surging, pending, "the rollouts to ask for nodes")
        for workload in surging:
            assert running.grow(workload.name), f"{workload.name}: the pool is at its maximum"
        each(running, workloads, stuck, "the new versions to start")
        roll_back(running, workloads)
        finish(running, workloads)
    for workload in workloads:
        floor = workload.replicas if workload.surge else workload.replicas - 1
        assert counted[workload.name].least >= floor, f"{workload.name}: {counted}"
