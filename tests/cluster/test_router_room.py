"""System nodes are planned with room for inference routers, however many workloads have one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from inferstack.engine.graph import Graph
from tests.cluster.world import World
from tests.components import builders
from tests.components.running import build, preview

GATEWAY = {"host": "llm.example.eu", "routing": "prefix-aware"}


def routed(tag: str, count: int) -> Graph:
    """Small models on a node each, each with a router."""
    sections: Mapping[str, Any] = {
        "cloud": {"account": "123456789012", "region": "us-west-2", "zones": 2},
        "network": {"cidr": "10.40.0.0/16"},
        "gateway": GATEWAY,
        "tags": {"environment": tag},
    }
    spec = builders.environment("rooms", **sections)
    pairs = []
    for number in range(count):
        name = f"chat-{number}"
        plan = builders.small_plan(workload=name, served_model_name=name, max_replicas=2)
        pairs.append((builders.workload(name, "Qwen/Qwen3-8B"), plan))
    return preview(build(builders.arguments(spec, builders.US_ZONES, *pairs)))


@pytest.fixture(scope="module", params=[("staging", 2), ("prod", 5)], ids=lambda one: one[0])
def world(request, tmp_path_factory, control_plane_binaries) -> Iterator[World]:
    tag, count = request.param
    started = World.start(routed(tag, count), tmp_path_factory.mktemp(tag))
    yield started.populate()
    started.plane.stop()


def test_the_nodes_that_the_bill_counts_hold_them(world):
    assert world.unsettled() == []
    assert world.node_counts() == {pool.name: pool.size for pool in world.pools}
    sets = world.api.list("apps/v1", "StatefulSet", "llm-serving")
    assert sets
    assert all(one["status"].get("availableReplicas") == one["spec"]["replicas"] for one in sets)
