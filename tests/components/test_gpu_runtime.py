"""What hands GPUs out: a device plugin or a DRA driver, never both; and the other daemons of GPU nodes."""

from __future__ import annotations

from typing import Any

import pytest

from inferstack.engine.graph import Graph
from tests.components import builders
from tests.components.running import build, deploy, inventory, manifest, one, preview
from tests.components.sdk import mismatches
from tests.components.test_environment import reaches
from tests.components.test_inventory import GROUPS, PROD

RELEASE = "kubernetes:helm.sh/v3:Release"
CLAIM = "kubernetes:resource.k8s.io/v1:ResourceClaimTemplate"
DRA = {"gpuDevices": "dra"}


def charts(graph: Graph) -> set[str]:
    """Charts of the GPU runtime."""
    runtime = next(item for item in graph if item.type == "inferstack:index:GpuRuntime")
    return {
        str(item.inputs["chart"]).rpartition("/")[2]
        for item in graph.of_type(RELEASE)
        if item.parent == runtime.urn
    }


@pytest.fixture(scope="module")
def claimed() -> Graph:
    return preview(build(builders.prod(cluster=DRA)))


@pytest.fixture(scope="module")
def claimed_groups() -> Graph:
    return preview(build(builders.groups(cluster=DRA)))


class TestGpuRuntime:
    def test_daemons_run_on_gpu_nodes_and_tolerate_them(self, prod: Graph) -> None:
        for chart in ("nvidia-device-plugin", "dcgm-exporter"):
            values = one(prod, "kubernetes:helm.sh/v3:Release", f"prod-eu-gpu-runtime-{chart}").inputs[
                "values"
            ]
            assert values["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
            assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in values[
                "tolerations"
            ]

    def test_the_efa_plugin_comes_only_with_groups_and_from_the_own_region(
        self, prod: Graph, groups: Graph
    ) -> None:
        release = one(groups, "kubernetes:helm.sh/v3:Release", "groups-gpu-runtime-aws-efa-k8s-device-plugin")
        assert ".dkr.ecr.us-west-2." in release.inputs["values"]["image"]["repository"]
        assert not [item for item in prod if "efa-" in item.name]


class TestOneAllocator:
    def test_al2023_gets_the_device_plugin(self, prod: Graph) -> None:
        assert charts(prod) == {"nvidia-device-plugin", "dcgm-exporter"}

    def test_bottlerocket_runs_its_own(self) -> None:
        graph = preview(build(builders.dev(cluster={"nodeImage": "bottlerocket"})))
        assert charts(graph) == {"dcgm-exporter"}

    def test_the_driver_comes_instead_of_the_plugin(self, claimed: Graph, claimed_groups: Graph) -> None:
        assert charts(claimed) == {"dra-driver-nvidia-gpu", "dcgm-exporter"}
        assert charts(claimed_groups) == {
            "dra-driver-nvidia-gpu", "dcgm-exporter", "aws-efa-k8s-device-plugin"
        }  # fmt: skip

    def test_the_driver_runs_on_gpu_nodes_and_gives_out_gpus_only(self, claimed: Graph) -> None:
        values = one(claimed, RELEASE, "prod-eu-gpu-runtime-dra-driver-nvidia-gpu").inputs["values"]
        assert values["resources"] == {"gpus": {"enabled": True}, "computeDomains": {"enabled": False}}
        assert values["kubeletPlugin"]["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
        assert values["kubeletPlugin"]["tolerations"][0]["key"] == "nvidia.com/gpu"


class TestClaims:
    def test_the_inventory_gains_one_template_a_workload(self, claimed: Graph, claimed_groups: Graph) -> None:
        assert inventory(item.type for item in claimed) == dict(sorted({**PROD, CLAIM: 2}.items()))
        expected = dict(sorted({**GROUPS, CLAIM: 1}.items()))
        assert inventory(item.type for item in claimed_groups) == expected
        recorder = deploy(build(builders.groups(cluster=DRA)))
        assert inventory(item.typ for item in recorder.resources) == expected

    def test_pods_claim_their_gpus_and_count_none(self, claimed: Graph) -> None:
        pod = manifest(claimed, "Deployment", "model-chat")["spec"]["template"]["spec"]
        assert pod["resourceClaims"] == [{"name": "gpus", "resourceClaimTemplateName": "model-chat"}]
        resources = pod["containers"][0]["resources"]
        assert resources["claims"] == [{"name": "gpus"}]
        assert "nvidia.com/gpu" not in {**resources["limits"], **resources["requests"]}

    def test_a_claim_is_for_as_many_whole_gpus_as_the_pod_has_ranks(self, claimed: Graph) -> None:
        template = manifest(claimed, "ResourceClaimTemplate", "model-chat")
        request = {
            "name": "gpus",
            "exactly": {"deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 4},
        }
        assert template["spec"] == {"spec": {"devices": {"requests": [request]}}}
        assert template["metadata"]["namespace"] == "llm-serving"

    def test_names_and_types_are_those_of_the_api(self, claimed: Graph) -> None:
        for item in claimed.of_type(CLAIM, "kubernetes:apps/v1:Deployment"):
            assert mismatches(item.type, item.inputs) == []

    def test_groups_claim_on_every_node_and_keep_counting_efa(self, claimed_groups: Graph) -> None:
        group = manifest(claimed_groups, "LeaderWorkerSet", "model-reasoning")
        template: Any = group["spec"]["leaderWorkerTemplate"]
        for part in ("leaderTemplate", "workerTemplate"):
            pod = template[part]["spec"]
            assert pod["resourceClaims"][0]["resourceClaimTemplateName"] == "model-reasoning"
            limits = pod["containers"][0]["resources"]["limits"]
            assert limits["vpc.amazonaws.com/efa"] == "16"
            assert "nvidia.com/gpu" not in limits

    def test_servers_wait_for_driver_and_claim(self, claimed: Graph) -> None:
        server = one(claimed, "kubernetes:apps/v1:Deployment", "prod-eu-chat")
        assert reaches(claimed, server, one(claimed, RELEASE, "prod-eu-gpu-runtime-dra-driver-nvidia-gpu"))
        assert reaches(claimed, server, one(claimed, CLAIM, "prod-eu-chat"))

    def test_the_autoscaler_may_read_claims_and_looks_at_them(self, claimed: Graph, prod: Graph) -> None:
        values = one(claimed, RELEASE, "prod-eu-services-autoscaler").inputs["values"]
        assert values["extraArgs"]["enable-dynamic-resource-allocation"] is True
        plain = one(prod, RELEASE, "prod-eu-services-autoscaler").inputs["values"]
        assert "enable-dynamic-resource-allocation" not in plain["extraArgs"]
        for found in (values, plain):
            (rule,) = found["rbac"]["additionalRules"]
            assert rule["verbs"] == ["get", "list", "watch"]
