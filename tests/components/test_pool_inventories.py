"""Sealed inventories of the ways to get GPU nodes, each stated by its difference from one that is listed whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from components.environment import InferenceEnvironmentArgs
from tests.components import builders
from tests.components.running import build, deploy, inventory, one, preview
from tests.components.test_inventory import DEV, GROUPS, PROD

TAG = "aws:autoscaling/tag:Tag"
RELEASE = "kubernetes:helm.sh/v3:Release"
BLOCK = {
    # one node holds a replica: no EFA, no placement group, no groups of pods
    TAG: -1,
    "aws:ec2/placementGroup:PlacementGroup": -1,
    "aws:ec2/securityGroup:SecurityGroup": -1,
    "kubernetes:core/v1:Namespace": -1,
    "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet": -1,
    "kubernetes:apps/v1:Deployment": 1,
    RELEASE: -2,
}
CASES: Mapping[str, tuple[Callable[[], InferenceEnvironmentArgs], Mapping[str, int], Mapping[str, int]]] = {
    "capacity-block": (lambda: builders.reserved("capacity-block"), GROUPS, BLOCK),
    "capacity-reservation": (lambda: builders.reserved("capacity-reservation"), GROUPS, BLOCK),
    # it brings its own device plugin
    "bottlerocket": (lambda: builders.dev(cluster={"nodeImage": "bottlerocket"}), DEV, {RELEASE: -1}),
    "bottlerocket-three-zones": (
        lambda: builders.prod(cluster={"nodeImage": "bottlerocket"}),
        PROD,
        {RELEASE: -1},
    ),
}


def changed(listed: Mapping[str, int], differences: Mapping[str, int]) -> dict[str, int]:
    found = {**listed}
    for kind, more in differences.items():
        found[kind] = found.get(kind, 0) + more
    return {kind: count for kind, count in sorted(found.items()) if count}


@pytest.mark.parametrize("name", list(CASES))
def test_a_preview_and_an_update_have_exactly_these_resources(name: str) -> None:
    args, listed, differences = CASES[name]
    expected = changed(listed, differences)
    assert inventory(item.type for item in preview(build(args()))) == expected
    recorder = deploy(build(args()))
    assert inventory(item.typ for item in recorder.resources) == expected


def test_one_gpu_of_a_reservation_is_a_small_node_without_efa() -> None:
    """p5.4xlarge: a single H100, which only blocks and reservations sell reliably."""
    args = builders.reserved("capacity-block")
    plan = args.plan.workloads[0]
    chosen = replace(
        plan.chosen, instance_type="p5.4xlarge", gpu="H100", gpus_per_instance=1, tp=1, replicas=2, nodes=2
    )
    graph = preview(build(replace(args, plan=replace(args.plan, workloads=(replace(plan, chosen=chosen),)))))
    template = one(graph, "aws:ec2/launchTemplate:LaunchTemplate", "reserved-reasoning-gpus").inputs
    assert template["instanceType"] == "p5.4xlarge"
    assert "networkInterfaces" not in template
    labels = one(graph, "aws:eks/nodeGroup:NodeGroup", "reserved-reasoning-gpus").inputs["labels"]
    assert labels["inferstack.dev/gpus"] == "1"
