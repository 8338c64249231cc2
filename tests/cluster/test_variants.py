"""What the examples do not use: Karpenter, plain HPA, device claims, groups under an autoscaler.

Their manifests are accepted by the same API server, twice, each kind against its project's own definition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from inferstack.engine.graph import Graph
from tests.cluster.control_plane import ControlPlane
from tests.cluster.world import applied_twice, documents, with_kinds
from tests.components import builders
from tests.components.running import build, preview

PUBLIC = {"endpoint": "public", "publicAccessCidrs": ["203.0.113.0/24"], "deletionProtection": False}


def scaled(**capacity: Any) -> Graph:
    spec = builders.prod().loaded.environment
    chat = builders.workload("chat", builders.PLAN.model_id, capacity=capacity)
    return preview(build(builders.arguments(spec, builders.EU_ZONES, (chat, builders.PLAN))))


VARIANTS: Mapping[str, tuple[Callable[[], Graph], set[str]]] = {
    "karpenter on spot": (
        lambda: preview(build(builders.dev(cluster={**PUBLIC, "gpuNodes": "karpenter"}))),
        {"NodePool", "EC2NodeClass"},
    ),
    "karpenter with efa": (
        lambda: preview(build(builders.groups(cluster={"gpuNodes": "karpenter"}))),
        {"NodePool", "EC2NodeClass", "LeaderWorkerSet"},
    ),
    "ranks over nodes": (
        lambda: preview(build(builders.groups(builders.rank_group_plan()))),
        {"LeaderWorkerSet"},
    ),
    "plain hpa": (lambda: scaled(autoscaling="hpa"), {"HorizontalPodAutoscaler"}),
    "device claims": (
        lambda: preview(build(builders.dev(cluster={**PUBLIC, "gpuDevices": "dra"}))),
        {"ResourceClaimTemplate"},
    ),
}


@pytest.fixture(scope="module")
def plane(tmp_path_factory, control_plane_binaries) -> Iterator[ControlPlane]:
    started = with_kinds(tmp_path_factory.mktemp("variants"))
    yield started
    started.stop()


@pytest.mark.parametrize("name", VARIANTS)
def test_the_manifests_are_accepted_twice(plane, name):
    made, kinds = VARIANTS[name]
    graph = made()
    applied = applied_twice(plane.api, graph)
    refused = [f"{one.file}: {one.refused}" for one in applied if one.refused]
    assert not refused, "\n".join(refused)
    assert [one.file for one in applied if len(set(one.versions)) != 1] == []
    assert kinds <= {document["kind"] for _, document in documents(graph)}
