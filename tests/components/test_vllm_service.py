from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import recycling, vllm_objects
from components.lifecycle import SPOT_NOTICE_S, lifecycle
from components.pod_resources import pod_resources
from components.vllm_args import Adapter
from inferstack.catalog.load import load_catalog
from inferstack.engine.graph import Graph
from inferstack.errors import InputError
from inferstack.sizing.types import LoadTime
from tests.components import builders
from tests.components.launching import pod
from tests.components.running import build, deploy, inventory, manifest, one, preview


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
