"""What vLLM is started with."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from components.metrics import load_metrics
from components.vllm_args import Adapter, histogram_buckets
from inferstack.engine.graph import Graph
from inferstack.errors import InputError
from tests.components import builders
from tests.components.launching import arguments, flags, pod
from tests.components.running import build, manifest, one, preview


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


def test_an_unknown_vllm_version_has_no_metric_names() -> None:
    with pytest.raises(InputError, match=r"0\.99\.0.*accepted: .*0\.33\.0"):
        load_metrics("0.99.0")
