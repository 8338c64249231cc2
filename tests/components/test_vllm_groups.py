"""Servers over several nodes, and how their GPUs talk."""

from __future__ import annotations

import pytest

from components import vllm_objects
from components.interconnect import link_of, nccl_environment
from inferstack.catalog.load import load_catalog
from inferstack.engine.graph import Graph
from tests.components import builders
from tests.components.launching import flags, pod
from tests.components.running import manifest


class TestGroups:
    def test_a_group_restarts_as_a_whole(self, groups: Graph) -> None:
        document = manifest(groups, "LeaderWorkerSet", "model-reasoning")
        template = document["spec"]["leaderWorkerTemplate"]
        assert (document["spec"]["replicas"], template["size"]) == (2, 2)
        assert template["restartPolicy"] == "RecreateGroupOnPodRestart"

    def test_workers_serve_no_one(self, groups: Graph) -> None:
        template = manifest(groups, "LeaderWorkerSet", "model-reasoning")["spec"]["leaderWorkerTemplate"]
        leader = template["leaderTemplate"]["spec"]["containers"][0]
        worker = template["workerTemplate"]["spec"]["containers"][0]
        assert worker["args"] == [*leader["args"], "--headless"]
        assert "startupProbe" not in worker
        assert leader["startupProbe"]

    def test_data_parallel_ranks_of_other_nodes_report_to_the_leader(self) -> None:
        """The leader listens on its own address; ranks follow from the node's place in the group."""
        document = vllm_objects.leader_worker_set(builders.server_spec(builders.rank_group_plan()))
        template = document["spec"]["leaderWorkerTemplate"]
        leader, worker = (template[f"{who}Template"]["spec"]["containers"][0] for who in ("leader", "worker"))
        ours, theirs = flags(leader["args"]), flags(worker["args"])
        assert ours["--data-parallel-address"] == "$(POD_IP)"
        assert theirs["--data-parallel-address"] == "$(LWS_LEADER_ADDRESS)"
        assert ours["--data-parallel-rpc-port"] == theirs["--data-parallel-rpc-port"] == "29550"
        address = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
        assert address in leader["env"]
        for found in (ours, theirs):
            assert (found["--data-parallel-size"], found["--data-parallel-size-local"]) == ("8", "4")
            assert found["--node-rank"] == "$(LWS_WORKER_INDEX)"
            assert "--data-parallel-start-rank" not in found  # would make every node answer for itself
        assert (ours["--api-server-count"], "--headless" in ours) == ("8", False)
        # a server without a front end refuses to be told how many it has
        assert ("--api-server-count" in theirs, "--headless" in theirs) == (False, True)
        assert leader["resources"]["limits"]["nvidia.com/gpu"] == "8"

    def test_a_rank_group_is_no_different_to_others(self) -> None:
        spec, ranks = (
            builders.server_spec(plan) for plan in (builders.group_plan(), builders.rank_group_plan())
        )
        assert vllm_objects.network_policy(ranks) == vllm_objects.network_policy(spec)
        assert ranks.resources == spec.resources

    def test_ranks_of_one_node_have_all_its_gpus(self) -> None:
        resources = builders.server_spec(builders.ranks_plan()).resources
        assert (resources.gpus, resources.link) == (8, "nvlink")
        assert resources.streamer_bytes_per_gpu * 8 < resources.memory_gib * 2**30
        assert resources.shm_gib > 2

    def test_only_leaders_answer(self, groups: Graph) -> None:
        selector = manifest(groups, "Service", "model-reasoning-entry")["spec"]["selector"]
        assert selector["leaderworkerset.sigs.k8s.io/worker-index"] == "0"

    def test_the_sets_own_name_is_left_to_its_controllers_headless_service(self, groups: Graph) -> None:
        """It makes none where a Service has that name already, and ranks find each other through it."""
        services = {
            item.inputs["metadata"]["name"]  # type: ignore[index]  # manifests are mappings
            for item in groups
            if item.inputs.get("kind") == "Service"
        }
        assert "model-reasoning-entry" in services
        assert "model-reasoning" not in services

    def test_ranks_may_talk_to_each_other_and_no_one_else(self, groups: Graph) -> None:
        spec = manifest(groups, "NetworkPolicy", "model-reasoning")["spec"]
        own = [{"podSelector": spec["podSelector"]}]
        assert {"from": own} in spec["ingress"]
        assert {"to": own} in spec["egress"]

    def test_pods_ask_for_all_gpus_and_interfaces_of_a_node(self, groups: Graph) -> None:
        template = manifest(groups, "LeaderWorkerSet", "model-reasoning")["spec"]["leaderWorkerTemplate"]
        limits = template["workerTemplate"]["spec"]["containers"][0]["resources"]["limits"]
        assert (limits["nvidia.com/gpu"], limits["vpc.amazonaws.com/efa"]) == ("8", "16")

    def test_locked_memory_is_allowed_where_efa_needs_it_and_nowhere_else(
        self, groups: Graph, prod: Graph
    ) -> None:
        template = manifest(groups, "LeaderWorkerSet", "model-reasoning")["spec"]["leaderWorkerTemplate"]
        security = template["leaderTemplate"]["spec"]["containers"][0]["securityContext"]
        assert security["capabilities"] == {"drop": ["ALL"], "add": ["IPC_LOCK"]}
        assert (
            manifest(groups, "Namespace", "llm-serving")["metadata"]["labels"][
                "pod-security.kubernetes.io/enforce"
            ]
            == "privileged"
        )
        assert (
            "add"
            not in pod(manifest(prod, "Deployment", "model-chat"))["containers"][0]["securityContext"][
                "capabilities"
            ]
        )


class TestInterconnect:
    """By what links the GPUs of one replica."""

    @pytest.mark.parametrize(
        ("name", "gpus", "link"),
        [
            ("g6.xlarge", 1, "single"),
            ("g6e.12xlarge", 4, "pcie"),
            ("g6e.12xlarge", 1, "single"),
            ("g7e.12xlarge", 2, "pcie-p2p"),
            ("p4d.24xlarge", 8, "nvlink"),
            ("p5en.48xlarge", 8, "nvlink"),
        ],
    )
    def test_the_link_is_the_instances(self, name: str, gpus: int, link: str) -> None:
        assert link_of(load_catalog().instance(name), gpus) == link

    def test_one_gpu_needs_no_settings(self) -> None:
        assert nccl_environment("single", nodes=1, efa=False) == {}

    def test_plain_pcie_goes_through_host_memory(self) -> None:
        found = nccl_environment("pcie", nodes=1, efa=False)
        assert found == {"NCCL_DEBUG": "WARN", "NCCL_P2P_DISABLE": "1"}
        assert "NCCL_P2P_DISABLE" not in nccl_environment("pcie-p2p", nodes=1, efa=False)
        assert "NCCL_P2P_DISABLE" not in nccl_environment("nvlink", nodes=1, efa=False)

    def test_groups_meet_on_the_pods_interface(self, groups: Graph) -> None:
        template = manifest(groups, "LeaderWorkerSet", "model-reasoning")["spec"]["leaderWorkerTemplate"]
        for part in ("leaderTemplate", "workerTemplate"):
            values = {item["name"]: item["value"] for item in template[part]["spec"]["containers"][0]["env"]}
            assert values["NCCL_SOCKET_IFNAME"] == values["GLOO_SOCKET_IFNAME"] == "eth0"
            assert (values["FI_PROVIDER"], values["FI_EFA_USE_DEVICE_RDMA"]) == ("efa", "1")
