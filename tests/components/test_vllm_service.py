from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import recycling, vllm_objects
from components.interconnect import link_of, nccl_environment
from components.lifecycle import SPOT_NOTICE_S, lifecycle
from components.metrics import load_metrics
from components.pod_resources import pod_resources
from components.vllm_args import Adapter, Launch, histogram_buckets, server_arguments
from inferstack.catalog.load import load_catalog
from inferstack.engine.graph import Graph
from inferstack.errors import InputError
from inferstack.sizing.types import LoadTime, WorkloadPlan
from tests.components import builders
from tests.components.running import build, deploy, inventory, manifest, one, preview


def pod(document: Mapping[str, Any]) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = document["spec"]["template"]["spec"]
    return spec


def flags(arguments: list[str]) -> dict[str, str]:
    """Flag to value; a bare flag has none."""
    found, position = {}, 1
    while position < len(arguments):
        value = arguments[position + 1] if position + 1 < len(arguments) else "--"
        bare = value.startswith("--")
        found[arguments[position]] = "" if bare else value
        position += 1 if bare else 2
    return found


def arguments(plan: WorkloadPlan, **changes: Any) -> list[str]:
    spec = builders.server_spec(plan, **changes)
    return server_arguments(
        Launch(
            plan=plan,
            weights_uri=spec.weights_uri,
            resources=spec.resources,
            times=spec.times,
            vllm_version="0.33.0",
            adapters=spec.adapters,
        )
    )


class TestArguments:
    def test_the_model_comes_first_then_the_plan_then_what_the_cluster_adds(self) -> None:
        found = arguments(builders.PLAN)
        assert found[:6] == [
            "s3://weights/models/x/main", "--max-model-len", "16384", "--tensor-parallel-size", "4",
            "--enable-auto-tool-choice",
        ]  # fmt: skip
        assert flags(found)["--served-model-name"] == "chat"
        assert flags(found)["--load-format"] == "runai_streamer"
        assert found.count("--tensor-parallel-size") == 1

    def test_what_plan_or_user_states_is_never_added_again(self) -> None:
        stated = (("--shutdown-timeout", "7"), ("--sse-keep-alive-interval", "3"))
        found = arguments(replace(builders.PLAN, vllm_args=stated))
        assert found.count("--shutdown-timeout") == 1
        assert flags(found)["--shutdown-timeout"] == "7"

    def test_embedding_models_run_as_pooling_models_and_stream_nothing(self) -> None:
        found = flags(arguments(builders.embed_plan()))
        assert found["--runner"] == "pooling"
        assert "--sse-keep-alive-interval" not in found

    def test_groups_learn_their_rank_from_the_leader_worker_set(self) -> None:
        found = flags(arguments(builders.group_plan()))
        assert found["--nnodes"] == "$(LWS_GROUP_SIZE)"
        assert found["--node-rank"] == "$(LWS_WORKER_INDEX)"
        assert found["--master-addr"] == "$(LWS_LEADER_ADDRESS)"

    def test_ranks_share_the_download_only_within_a_node(self) -> None:
        settings = {
            plan.workload: json.loads(flags(arguments(plan))["--model-loader-extra-config"])
            for plan in (builders.PLAN, builders.small_plan(), builders.group_plan())
        }
        assert settings["chat"]["distributed"] is True
        assert "distributed" not in settings["assistant"]
        assert "distributed" not in settings["reasoning"]

    def test_data_parallel_ranks_of_a_node_share_the_download_too(self) -> None:
        for plan in (builders.ranks_plan(), builders.rank_group_plan()):
            found = flags(arguments(plan))
            assert json.loads(found["--model-loader-extra-config"])["distributed"] is True
        found = flags(arguments(builders.ranks_plan()))
        assert not {"--nnodes", "--data-parallel-address", "--data-parallel-rpc-port"} & found.keys()

    def test_adapters_are_loaded_from_where_they_were_fetched(self) -> None:
        adapters = (Adapter(name="tone", uri="s3://acme/tone-v3"),)
        found = arguments(builders.PLAN, adapters=adapters)
        assert found[-2:] == ["--lora-modules", '{"name": "tone", "path": "/adapters/tone"}']
        assert "--enable-lora" in found

    def test_service_levels_are_bounds_of_the_histograms(self) -> None:
        buckets = histogram_buckets(builders.PLAN, "0.33.0")
        assert set(buckets) == {"time_to_first_token", "inter_token_latency"}
        assert 1.5 in buckets["time_to_first_token"]
        assert 0.08 in buckets["inter_token_latency"]
        assert buckets["time_to_first_token"] == sorted(buckets["time_to_first_token"])

    def test_levels_that_are_bounds_already_change_nothing(self) -> None:
        plan = replace(builders.PLAN, slo_ttft_p95_ms=1000.0, slo_itl_p95_ms=100.0)
        assert histogram_buckets(plan, "0.33.0") == {}
        assert "--custom-histogram-buckets" not in arguments(plan)


class TestLifecycle:
    @given(
        weights=st.floats(0, 5000),
        compile_s=st.floats(0, 600),
        node=st.floats(0, 600),
        image=st.floats(0, 900),
        e2e=st.floats(1, 400_000),
        replicas=st.integers(1, 40),
        surge=st.integers(0, 3),
        spot=st.booleans(),
    )
    def test_nothing_gives_up_before_starting_is_done(
        self, weights: float, compile_s: float, node: float, image: float, e2e: float, replicas: int,
        surge: int, spot: bool,
    ) -> None:  # fmt: skip
        latency = replace(builders.PREDICTION, e2e_ms=builders.percentiles(e2e))
        chosen = replace(
            builders.CANDIDATE, replicas=replicas, surge_replicas=surge, at_peak=latency,
            purchase="spot" if spot else "on-demand",
        )  # fmt: skip
        load = LoadTime(node_s=node, image_s=image, weights_s=weights, compile_s=compile_s)
        times = lifecycle(replace(builders.PLAN, chosen=chosen, load_time=load))
        assert times.startup_s >= max(600, weights + compile_s)
        assert times.progress_s > times.startup_s + node + image
        assert times.await_s >= min(6 * 3600, times.progress_s)
        assert times.grace_s > times.pre_stop_s + times.shutdown_s
        assert times.shutdown_s > 0
        if spot:
            assert times.grace_s < SPOT_NOTICE_S

    def test_probes_follow_the_load_time(self) -> None:
        load = LoadTime(node_s=60, image_s=60, weights_s=1200, compile_s=200)
        spec = builders.server_spec(replace(builders.PLAN, load_time=load))
        container = pod(vllm_objects.deployment(spec))["containers"][0]
        budget = container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"]
        assert budget == spec.times.startup_s == 2220
        env = {entry["name"]: entry["value"] for entry in container["env"]}
        assert env["VLLM_ENGINE_READY_TIMEOUT_S"] == "2220"

    def test_a_rollout_one_by_one_may_take_as_long_as_all_replicas(self) -> None:
        chosen = replace(builders.CANDIDATE, replicas=4, surge_replicas=0)
        times = lifecycle(replace(builders.PLAN, chosen=chosen))
        assert times.await_s == 4 * times.progress_s


class TestResources:
    @pytest.mark.parametrize(
        "name", ["g6.xlarge", "g6e.12xlarge", "g5.48xlarge", "p5en.48xlarge", "g4dn.xlarge"]
    )
    def test_a_pod_leaves_room_for_the_system(self, name: str) -> None:
        instance = load_catalog().instance(name)
        chosen = replace(builders.CANDIDATE, instance_type=name, tp=instance.gpu_count)
        found = pod_resources(instance, chosen)
        assert found.gpus == instance.gpu_count
        assert found.memory_gib <= instance.memory_gib * 0.925 - 1.5
        assert 1 <= found.cpus <= instance.vcpus - 1

    def test_replicas_on_one_node_share_it(self) -> None:
        instance = load_catalog().instance("g6e.12xlarge")
        half = replace(builders.CANDIDATE, tp=2, replicas_per_node=2)
        whole, part = pod_resources(instance, builders.CANDIDATE), pod_resources(instance, half)
        assert part.gpus * 2 == whole.gpus
        assert part.memory_gib * 2 <= whole.memory_gib
        assert part.cpus * 2 <= whole.cpus

    @given(gpus=st.sampled_from([1, 2, 4, 8]))
    def test_the_streamers_buffers_of_all_ranks_fit_in_the_pod(self, gpus: int) -> None:
        instance = load_catalog().instance("g6.xlarge")
        found = pod_resources(instance, replace(builders.CANDIDATE, tp=gpus))
        assert found.streamer_bytes_per_gpu * gpus < found.memory_gib * 2**30 / 2

    def test_cpu_has_no_limit_and_memory_has(self) -> None:
        document = pod_resources(load_catalog().instance("g6.xlarge"), builders.SMALL).document()
        assert set(document["limits"]) == {"memory", "nvidia.com/gpu"}
        assert document["requests"]["memory"] == document["limits"]["memory"]


class TestPod:
    def test_it_satisfies_the_restricted_standard_as_user_2000(self, prod: Graph) -> None:
        spec = pod(manifest(prod, "Deployment", "model-chat"))
        security = spec["securityContext"]
        assert (security["runAsUser"], security["runAsGroup"], security["runAsNonRoot"]) == (2000, 0, True)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        container = spec["containers"][0]["securityContext"]
        assert container["allowPrivilegeEscalation"] is False
        assert container["readOnlyRootFilesystem"] is True
        assert container["capabilities"] == {"drop": ["ALL"]}
        assert spec["automountServiceAccountToken"] is False
        assert (
            manifest(prod, "Namespace", "llm-serving")["metadata"]["labels"][
                "pod-security.kubernetes.io/enforce"
            ]
            == "restricted"
        )

    def test_everything_it_writes_to_is_mounted(self, prod: Graph) -> None:
        container = pod(manifest(prod, "Deployment", "model-chat"))["containers"][0]
        mounts = {item["mountPath"] for item in container["volumeMounts"]}
        assert mounts == {"/dev/shm", "/cache", "/tmp"}
        env = {entry["name"]: entry["value"] for entry in container["env"]}
        for name in ("HOME", "VLLM_CACHE_ROOT", "VLLM_CONFIG_ROOT", "TRITON_CACHE_DIR", "XDG_CACHE_HOME"):
            assert env[name].startswith("/cache")

    def test_shared_memory_is_memory(self, prod: Graph) -> None:
        volumes = {item["name"]: item for item in pod(manifest(prod, "Deployment", "model-chat"))["volumes"]}
        assert volumes["shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "16Gi"}

    def test_it_calls_no_hub_and_reports_no_usage(self, prod: Graph) -> None:
        container = pod(manifest(prod, "Deployment", "model-chat"))["containers"][0]
        env = {entry["name"]: entry["value"] for entry in container["env"]}
        assert env["HF_HUB_OFFLINE"] == "1"
        assert env["VLLM_NO_USAGE_STATS"] == "1"
        assert "VLLM_SERVER_DEV_MODE" not in env

    def test_service_variables_cannot_reach_it(self, prod: Graph) -> None:
        """A Service called vllm would set VLLM_PORT to an address."""
        assert pod(manifest(prod, "Deployment", "model-chat"))["enableServiceLinks"] is False
        names = {str(item.inputs["metadata"]["name"]) for item in prod.of_type("kubernetes:core/v1:Service")}
        assert "vllm" not in names

    def test_it_runs_on_its_own_nodes(self, prod: Graph) -> None:
        spec = pod(manifest(prod, "Deployment", "model-chat"))
        labels = one(prod, "aws:eks/nodeGroup:NodeGroup", "prod-eu-chat-gpus").inputs["labels"]
        assert spec["nodeSelector"].items() <= labels.items()
        assert spec["tolerations"] == [
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
        ]

    def test_it_prefers_other_zones_without_insisting(self, prod: Graph) -> None:
        rules = pod(manifest(prod, "Deployment", "model-chat"))["topologySpreadConstraints"]
        assert [item["topologyKey"] for item in rules] == [
            "topology.kubernetes.io/zone", "kubernetes.io/hostname"
        ]  # fmt: skip
        assert {item["whenUnsatisfiable"] for item in rules} == {"ScheduleAnyway"}

    def test_adapters_are_fetched_before_the_server_starts(self) -> None:
        adapters = (Adapter(name="tone", uri="s3://acme/tone-v3"),)
        spec = pod(vllm_objects.deployment(builders.server_spec(builders.PLAN, adapters=adapters)))
        assert spec["initContainers"][0]["args"] == ["s3://acme/tone-v3", "/adapters/tone"]
        assert {"name": "adapters", "mountPath": "/adapters", "readOnly": True} in spec["containers"][0][
            "volumeMounts"
        ]


class TestRollout:
    def test_with_surge_no_replica_is_taken_away_first(self) -> None:
        strategy = vllm_objects.deployment(builders.server_spec(builders.PLAN))["spec"]["strategy"]
        assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}

    def test_without_spare_gpus_one_is_taken_away_first(self) -> None:
        strategy = vllm_objects.deployment(builders.server_spec(builders.small_plan()))["spec"]["strategy"]
        assert strategy["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}

    @given(replicas=st.integers(1, 40), spare=st.integers(0, 5), surge=st.integers(0, 3))
    def test_a_rollout_and_a_drain_can_always_make_progress(
        self, replicas: int, spare: int, surge: int
    ) -> None:
        chosen = replace(
            builders.SMALL, replicas=replicas, replicas_serving=max(1, replicas - spare), surge_replicas=surge
        )
        spec = builders.server_spec(builders.small_plan(chosen=chosen))
        rolling = vllm_objects.deployment(spec)["spec"]["strategy"]["rollingUpdate"]
        assert rolling["maxSurge"] + rolling["maxUnavailable"] >= 1
        assert vllm_objects.disruption_budget(spec)["spec"]["maxUnavailable"] >= 1

    def test_a_drain_never_takes_the_last_replicas_of_a_scaled_fleet(self, prod: Graph) -> None:
        """Five planned with three spares, scaled down to two at night: a drain may take one, not three."""
        chosen = replace(builders.CANDIDATE, replicas=5, replicas_serving=2)
        spec = builders.server_spec(replace(builders.PLAN, chosen=chosen))
        assert vllm_objects.disruption_budget(spec)["spec"]["maxUnavailable"] == 3
        assert vllm_objects.disruption_budget(spec, scaled=True)["spec"]["maxUnavailable"] == 1
        assert manifest(prod, "PodDisruptionBudget", "model-chat")["spec"]["maxUnavailable"] == 1

    def test_pulumi_waits_as_long_as_the_rollout_may_take(self, prod: Graph) -> None:
        document = manifest(prod, "Deployment", "model-chat")
        assert (
            int(document["metadata"]["annotations"]["pulumi.com/timeoutSeconds"])
            >= (document["spec"]["progressDeadlineSeconds"])
        )


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


class TestAccess:
    def test_only_gateway_and_prometheus_reach_the_server(self, prod: Graph) -> None:
        rule = manifest(prod, "NetworkPolicy", "model-chat")["spec"]["ingress"]
        assert rule == [
            {
                "from": [
                    {
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "llm-gateway"}},
                        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "litellm"}},
                    },
                    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}},
                ],
                "ports": [{"protocol": "TCP", "port": 8000}],
            }
        ]

    def test_without_a_gateway_the_cluster_may_call(self, dev: Graph) -> None:
        rule = manifest(dev, "NetworkPolicy", "model-assistant")["spec"]["ingress"][0]
        assert rule["from"] == [{"namespaceSelector": {}}]

    def test_metadata_of_the_node_is_out_of_reach(self, prod: Graph) -> None:
        """Multimodal servers fetch addresses users name."""
        rules = manifest(prod, "NetworkPolicy", "model-chat")["spec"]["egress"]
        on_80 = [rule for rule in rules if {"protocol": "TCP", "port": 80} in rule["ports"]]
        assert [rule["to"] for rule in on_80] == [[{"ipBlock": {"cidr": "169.254.170.23/32"}}]]


def test_adapters_of_the_users_own_bucket_may_be_read() -> None:
    adapters = [
        {"name": "tone", "source": "s3://acme-adapters/tone-v3"},
        {"name": "law", "source": "acme/law-lora"},
    ]
    args = builders.dev()
    served = builders.workload("assistant", {"id": "Qwen/Qwen3-8B", "adapters": adapters})
    pair = builders.arguments(args.loaded.environment, builders.US_ZONES, (served, builders.small_plan()))
    graph = preview(build(pair))
    policy = one(graph, "aws:iam/rolePolicy:RolePolicy", "dev-assistant").inputs["policy"]
    assert "arn:aws:s3:::acme-adapters/tone-v3/*" in str(policy)
    assert "models/acme/law-lora/main/*" in str(policy)
    fetched = pod(manifest(graph, "Deployment", "model-assistant"))["initContainers"][0]["args"]
    assert fetched[0] == "s3://acme-adapters/tone-v3"
    assert fetched[2].endswith("/models/acme/law-lora/main")
    assert len(graph.of_type("kubernetes:batch/v1:Job")) == 2


def test_an_unknown_vllm_version_has_no_metric_names() -> None:
    with pytest.raises(InputError, match=r"0\.99\.0.*accepted: .*0\.33\.0"):
        load_metrics("0.99.0")


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


class TestSecondModel:
    """Speculative decoding with a draft model: it is fetched like an adapter."""

    def graph(self, draft: str) -> Graph:
        args = builders.dev()
        serving = {"speculative": {"method": "draft_model", "tokens": 4, "draft": draft}}
        served = builders.workload("assistant", "Qwen/Qwen3-8B", serving=serving)
        config = '{"method":"draft_model","model":"/adapters/_draft","num_speculative_tokens":4}'
        plan = builders.small_plan(vllm_args=(("--speculative-config", config),))
        return preview(build(builders.arguments(args.loaded.environment, builders.US_ZONES, (served, plan))))

    def test_from_the_hub_through_the_store(self) -> None:
        graph = self.graph("Qwen/Qwen3-0.6B")
        spec = pod(manifest(graph, "Deployment", "model-assistant"))
        source, target = spec["initContainers"][0]["args"]
        assert source.endswith("/models/Qwen/Qwen3-0.6B/main")
        assert target == "/adapters/_draft"
        assert len(graph.of_type("kubernetes:batch/v1:Job")) == 2
        assert "models/Qwen/Qwen3-0.6B/main/*" in str(
            one(graph, "aws:iam/rolePolicy:RolePolicy", "dev-assistant").inputs["policy"]
        )
        assert "--lora-modules" not in spec["containers"][0]["args"]

    def test_from_a_bucket_of_the_users_own(self) -> None:
        graph = self.graph("s3://acme-drafts/small")
        spec = pod(manifest(graph, "Deployment", "model-assistant"))
        assert spec["initContainers"][0]["args"] == ["s3://acme-drafts/small", "/adapters/_draft"]
        policy = str(one(graph, "aws:iam/rolePolicy:RolePolicy", "dev-assistant").inputs["policy"])
        assert "arn:aws:s3:::acme-drafts/small/*" in policy
        assert len(graph.of_type("kubernetes:batch/v1:Job")) == 1

    def test_rules_see_it_among_the_weights(self) -> None:
        facts = one(self.graph("s3://acme-drafts/small"), "inferstack:index:VllmService").inputs
        assert facts["adapters"] == [{"name": "draft", "source": "s3://acme-drafts/small"}]


class TestRecycling:
    @staticmethod
    def arguments(every: str = "1d") -> Any:
        spec = builders.dev().loaded.environment
        served = builders.workload("assistant", "Qwen/Qwen3-8B", serving={"recycleEvery": every})
        return builders.arguments(spec, builders.US_ZONES, (served, builders.small_plan()))

    def test_it_adds_exactly_these_objects(self, dev: Graph) -> None:
        graph = preview(build(self.arguments()))
        added = {item.type for item in graph if item.urn not in {known.urn for known in dev}}
        assert added == {
            "kubernetes:core/v1:ServiceAccount", "kubernetes:rbac.authorization.k8s.io/v1:Role",
            "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", "kubernetes:batch/v1:CronJob",
        }  # fmt: skip
        assert len(graph) == len(dev) + 4
        recorder = deploy(build(self.arguments()))
        assert inventory(item.typ for item in recorder.resources) == inventory(item.type for item in graph)

    def test_it_may_restart_its_own_deployment_and_nothing_else(self) -> None:
        graph = preview(build(self.arguments()))
        role = manifest(graph, "Role", "model-assistant-recycler")
        assert role["rules"] == [
            {
                "apiGroups": ["apps"],
                "resources": ["deployments"],
                "resourceNames": ["model-assistant"],
                "verbs": ["get", "patch"],
            }
        ]
        binding = manifest(graph, "RoleBinding", "model-assistant-recycler")
        assert binding["roleRef"]["name"] == "model-assistant-recycler"
        assert [subject["name"] for subject in binding["subjects"]] == ["model-assistant-recycler"]

    def test_it_is_a_rollout_on_system_nodes_and_never_two_at_once(self) -> None:
        spec = manifest(preview(build(self.arguments())), "CronJob", "model-assistant-recycler")["spec"]
        assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == (
            "17 3 * * *", "Etc/UTC", "Forbid"
        )  # fmt: skip
        pod_spec = spec["jobTemplate"]["spec"]["template"]["spec"]
        assert pod_spec["containers"][0]["args"] == [
            "--namespace", "llm-serving", "rollout", "restart", "deployment/model-assistant"
        ]  # fmt: skip
        assert pod_spec["nodeSelector"] == {"inferstack.dev/pool": "system"}
        assert pod_spec["securityContext"]["runAsNonRoot"] is True
        assert pod_spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True

    @pytest.mark.parametrize("every", sorted(recycling.SCHEDULES))
    def test_schedules_fire_as_often_as_they_say(self, every: str) -> None:
        minute, hours, _, _, weekday = recycling.SCHEDULES[every].split()
        times = {"*/6": 4, "3,15": 2, "3": 1}[hours]
        hours_between = 24 / times * (7 if weekday == "0" else 1)
        assert minute == "17"
        assert hours_between == {"6h": 6, "12h": 12, "1d": 24, "7d": 168}[every]

    def test_a_drained_replica_keeps_its_promise(self) -> None:
        """One by one: the rollout takes none away before the next is there, or one at most."""
        for surge in (0, 1):
            chosen = replace(builders.CANDIDATE, surge_replicas=surge)
            spec = builders.server_spec(replace(builders.PLAN, chosen=chosen))
            rolling = vllm_objects.deployment(spec)["spec"]["strategy"]["rollingUpdate"]
            assert rolling["maxSurge"] + rolling["maxUnavailable"] == 1

    def test_groups_of_nodes_are_refused(self) -> None:
        args = builders.groups()
        served = builders.workload(
            "reasoning", "deepseek-ai/DeepSeek-V3-0324", serving={"recycleEvery": "7d"}
        )
        loaded = replace(args.loaded, workloads=(served,))
        with pytest.raises(InputError, match=r"workloads\.reasoning\.serving\.recycleEvery.*leave it out"):
            preview(build(replace(args, loaded=loaded)))
