"""Launch arguments and cold start that follow from a plan."""

from __future__ import annotations

import json

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.errors import InputError
from inferstack.sizing.load_time import load_time
from inferstack.sizing.plan import plan_workload
from inferstack.sizing.types import WorkloadPlan
from inferstack.spec.load import parse_workload

CATALOG = load_catalog()
SPEC = """
apiVersion: inferstack/v1
kind: Workload
name: w
model: {model}
traffic: {{requestsPerDay: 20000, inputTokens: {{mean: 500, p95: 1500}}, outputTokens: {{mean: 150, p95: 400}}}}
slo: {{{slo}}}
data: {{residency: [US]}}
{more}
"""
RELAXED = "ttftP95: 5s, itlP95: 200ms"


def planned(model: str, more: str = "", slo: str = RELAXED) -> WorkloadPlan:
    return plan_workload(parse_workload(SPEC.format(model=model, more=more, slo=slo)), None, CATALOG)


def test_generation_gets_memory_parallelism_and_parsers() -> None:
    args = dict(planned("Qwen/Qwen3-8B").vllm_args)
    assert args["--max-model-len"] == "4096"
    assert args["--gpu-memory-utilization"] == "0.92"
    assert args["--tensor-parallel-size"] == "1"
    assert args["--reasoning-parser"] == "qwen3"
    assert args["--tool-call-parser"] == "hermes"
    assert args["--enable-auto-tool-choice"] == ""


def test_names_paths_and_ports_are_left_to_the_service() -> None:
    names = {name for name, _ in planned("Qwen/Qwen3-8B").vllm_args}
    assert not names & {"--served-model-name", "--model", "--port", "--host", "--revision", "--load-format"}


def test_prequantized_checkpoints_are_recognised_by_vllm() -> None:
    args = dict(planned("{id: Qwen/Qwen3-8B, quantization: fp8}").vllm_args)
    assert "--quantization" not in args


def test_quantization_on_load_names_the_online_scheme() -> None:
    args = dict(planned("{id: Qwen/Qwen2.5-Coder-32B-Instruct, quantization: fp8}").vllm_args)
    assert args["--quantization"] == "fp8_per_tensor"


def test_embedding_models_run_the_pooling_runner() -> None:
    plan = planned("intfloat/multilingual-e5-large-instruct", slo="e2eP95: 800ms")
    args = dict(plan.vllm_args)
    assert args["--runner"] == "pooling"
    assert "--tool-call-parser" not in args


def test_a_gpu_without_bf16_gets_half() -> None:
    more = "capacity: {allowInstanceTypes: [g4dn.12xlarge]}"
    plan = planned("{id: Qwen/Qwen3-4B, quantization: fp16}", more)
    assert dict(plan.vllm_args)["--dtype"] == "half"
    assert plan.chosen.quantization == "fp16"
    assert any("--dtype half" in warning for warning in plan.warnings)


def test_bfloat16_cannot_be_forced_onto_such_a_gpu() -> None:
    more = "capacity: {allowInstanceTypes: [g4dn.12xlarge]}\nserving: {vllm: {dtype: bfloat16}}"
    with pytest.raises(InputError, match="no bfloat16"):
        planned("{id: Qwen/Qwen3-4B, quantization: fp16}", more)


def test_extra_arguments_replace_planned_ones_and_are_planned_with() -> None:
    more = "serving: {vllm: {max-num-seqs: 8, gpu-memory-utilization: 0.85, enable-prefix-caching: false}}"
    plan = planned("Qwen/Qwen3-8B", more)
    args = dict(plan.vllm_args)
    assert args["--max-num-seqs"] == "8"
    assert args["--gpu-memory-utilization"] == "0.85"
    assert "--no-enable-prefix-caching" in args
    assert plan.chosen.fit.max_num_seqs == 8
    assert plan.chosen.fit.gpu_memory_utilization == 0.85
    assert len(args) == len(plan.vllm_args)


def test_mappings_become_json_and_lists_are_refused() -> None:
    more = "serving: {vllm: {compilation-config: {level: 3, backend: inductor}}}"
    assert (
        dict(planned("Qwen/Qwen3-8B", more).vllm_args)["--compilation-config"]
        == '{"backend":"inductor","level":3}'
    )
    with pytest.raises(InputError, match="takes a list"):
        planned("Qwen/Qwen3-8B", "serving: {vllm: {cudagraph-capture-sizes: [1, 2]}}")


def test_adapters_turn_lora_on_with_the_next_accepted_rank() -> None:
    model = "{id: Qwen/Qwen3-8B, adapters: [{name: a, source: 's3://acme/a', rank: 20}, {name: b, source: 's3://acme/b'}]}"
    args = dict(planned(model).vllm_args)
    assert (args["--enable-lora"], args["--max-loras"], args["--max-lora-rank"]) == ("", "2", "32")


def test_admission_is_bounded_by_what_the_cache_holds() -> None:
    plan = planned("Qwen/Qwen3-8B", "capacity: {allowInstanceTypes: [g5.xlarge]}")
    holds = plan.chosen.fit.kv_cache_tokens // 650
    assert int(dict(plan.vllm_args)["--max-num-seqs"]) == holds < plan.chosen.fit.max_num_seqs


def test_cold_start_follows_network_disk_and_cpu() -> None:
    fit = planned("Qwen/Qwen3-8B").chosen.fit

    def start(name: str, gib: float = 16.0, gpus: int = 1, per_node: int = 1, *, eager: bool = False):  # type: ignore[no-untyped-def] # local
        instance = CATALOG.instance(name)
        return load_time(
            instance, fit, weights_gib=gib, gpus_per_node=gpus, replicas_per_node=per_node, eager=eager
        )

    fast, slow = start("g6e.12xlarge"), start("g6e.xlarge")
    assert fast.image_s == 48 < slow.image_s
    assert fast.weights_s < slow.weights_s
    assert (
        start("g6e.12xlarge", per_node=4, gib=160).weights_s
        > start("g6e.12xlarge", gib=160, gpus=4).weights_s
    )
    assert start("g6e.12xlarge", eager=True).compile_s == 0
    assert fast.total_s == pytest.approx(fast.node_s + fast.image_s + fast.weights_s + fast.compile_s)


def test_ten_gigabytes_stream_as_fast_as_aws_measured() -> None:
    fit = planned("Qwen/Qwen3-8B").chosen.fit
    instance = CATALOG.instance("g6e.4xlarge")
    seconds = load_time(
        instance, fit, weights_gib=10.4e9 / 2**30, gpus_per_node=1, replicas_per_node=1, eager=False
    ).weights_s
    assert seconds - 15 == pytest.approx(5.0, abs=0.1)


def test_speculation_structure_and_parsers_are_the_specs() -> None:
    more = """serving:
  speculative: {method: ngram, tokens: 5}
  structuredOutputs: guidance
  toolCalling: qwen3_xml
  reasoning: none"""
    plan = planned("Qwen/Qwen3-8B", more)
    args = dict(plan.vllm_args)
    assert args["--speculative-config"] == '{"method":"ngram","num_speculative_tokens":5}'
    assert args["--structured-outputs-config"] == '{"backend":"guidance"}'
    assert args["--tool-call-parser"] == "qwen3_xml"
    assert "--reasoning-parser" not in args
    assert not any("speculative decoding" in warning for warning in plan.warnings)
    assert any("40% of guessed tokens accepted (ngram, 5 at a time): 1.66 tokens" in n for n in plan.notes)
    assert plan.chosen.at_peak.basis == "extrapolated"


def test_a_draft_model_is_where_the_service_puts_it() -> None:
    plan = planned("Qwen/Qwen3-8B", "serving: {speculative: {method: draft_model, draft: Qwen/Qwen3-0.6B}}")
    config = json.loads(dict(plan.vllm_args)["--speculative-config"])
    assert config == {"method": "draft_model", "model": "/adapters/_draft", "num_speculative_tokens": 3}
    plain = planned("Qwen/Qwen3-8B").chosen.fit
    assert plan.chosen.fit.gpu_memory_gib == plain.gpu_memory_gib
    shown = plan.chosen.fit.companions_gib_per_gpu + plan.chosen.fit.kv_cache_gib_per_gpu
    assert shown == pytest.approx(plain.kv_cache_gib_per_gpu)
    draft_gib = plain.kv_cache_gib_per_gpu - plan.chosen.fit.kv_cache_gib_per_gpu * (36 + 28) / 36
    assert draft_gib == pytest.approx(0.596e9 * 2 / 2**30, rel=0.02)


def test_a_draft_outside_the_catalog_is_not_planned_with() -> None:
    more = "serving: {speculative: {method: draft_model, draft: s3://models/draft}}"
    plan = planned("Qwen/Qwen3-8B", more)
    assert any("s3://models/draft is outside the catalog" in warning for warning in plan.warnings)
    assert plan.chosen.at_peak == planned("Qwen/Qwen3-8B").chosen.at_peak


def test_adapters_slow_the_plan_down_and_take_memory() -> None:
    adapters = "adapters: [{name: a, source: s3://lora/a}, {name: b, source: s3://lora/b}]"
    plan, plain = planned(f"{{id: Qwen/Qwen3-8B, {adapters}}}"), planned("Qwen/Qwen3-8B")
    assert plan.chosen.instance_type == plain.chosen.instance_type
    assert plan.chosen.at_peak.tpot_ms.mean > plain.chosen.at_peak.tpot_ms.mean
    assert plan.chosen.fit.kv_cache_gib_per_gpu < plain.chosen.fit.kv_cache_gib_per_gpu
    assert "assumed: LoRA rank 16 (model.adapters[].rank says it)" in plan.notes
    stated = planned(f"{{id: Qwen/Qwen3-8B, {adapters.replace('s3://lora/b', 's3://lora/b, rank: 32')}}}")
    assert not any("LoRA rank" in note for note in stated.notes)
    assert stated.chosen.at_peak.tpot_ms.mean >= plan.chosen.at_peak.tpot_ms.mean


def test_an_embedding_model_guesses_nothing() -> None:
    more = "serving: {speculative: {method: ngram}, structuredOutputs: auto}"
    with pytest.raises(InputError, match="generates nothing") as caught:
        planned("intfloat/multilingual-e5-large-instruct", more, slo="e2eP95: 800ms")
    assert [problem.path for problem in caught.value.problems] == [
        "serving.speculative", "serving.structuredOutputs"
    ]  # fmt: skip


def test_a_replica_refuses_what_it_could_only_answer_late() -> None:
    """The engine counts running requests too, so the bound is above what runs at once."""
    plan = planned("Qwen/Qwen3-8B")
    args = dict(plan.vllm_args)
    running = int(args.get("--max-num-seqs", plan.chosen.fit.max_num_seqs))
    assert int(args["--max-num-queued-reqs"]) == running + max(32, 10 * plan.scale.waiting)
    stated = dict(planned("Qwen/Qwen3-8B", "serving: {maxQueuedRequests: 7}").vllm_args)
    assert int(stated["--max-num-queued-reqs"]) == running + 7
    assert "--max-num-queued-reqs" in dict(
        planned("Qwen/Qwen3-8B", "serving: {vllm: {max-num-queued-reqs: 5}}").vllm_args
    )


def test_families_outside_the_catalog_get_their_parsers() -> None:
    from inferstack.sizing.parsers import Parsers, family_parsers
    from inferstack.spec.vllm_arguments import argument_list

    known = argument_list()
    families = family_parsers()
    assert families["gpt_oss"] == Parsers(tool_call="openai", reasoning="openai_gptoss")
    for parsers in families.values():
        assert parsers.tool_call is None or parsers.tool_call in known.tool_parsers
        assert parsers.reasoning is None or parsers.reasoning in known.reasoning_parsers


def test_prefix_caching_and_chunked_prefill_are_left_on() -> None:
    names = {name for name, _ in planned("Qwen/Qwen3-8B").vllm_args}
    assert not any("prefix-caching" in name or "chunked-prefill" in name for name in names)


def test_an_fp8_cache_is_planned_with() -> None:
    plan = planned(
        "Qwen/Qwen3-8B",
        "capacity: {allowInstanceTypes: [g6e.xlarge]}\nserving: {vllm: {kv-cache-dtype: fp8}}",
    )
    plain = planned("Qwen/Qwen3-8B", "capacity: {allowInstanceTypes: [g6e.xlarge]}")
    assert dict(plan.vllm_args)["--kv-cache-dtype"] == plan.chosen.kv_cache_dtype == "fp8"
    same = plan.chosen.quantization == plain.chosen.quantization
    assert not same or plan.chosen.fit.kv_cache_tokens > 1.9 * plain.chosen.fit.kv_cache_tokens


def test_a_reranker_is_scored_by_its_two_words() -> None:
    plan = planned("Qwen/Qwen3-Reranker-0.6B", slo="e2eP95: 2s")
    args = dict(plan.vllm_args)
    assert plan.task == "rerank"
    assert args["--runner"] == "pooling"
    assert json.loads(args["--hf-overrides"]) == {
        "architectures": ["Qwen3ForSequenceClassification"],
        "classifier_from_token": ["no", "yes"],
        "is_original_qwen3_reranker": True,
    }
    assert "--hf-overrides" not in dict(planned("Qwen/Qwen3-8B").vllm_args)


@pytest.mark.parametrize(
    ("model", "instance", "nodes"),
    [
        ("{id: meta-llama/Llama-3.1-405B-Instruct, quantization: bf16}", "p5.48xlarge", 2),
        ("deepseek-ai/DeepSeek-V3-0324", "p5.48xlarge", 2),
        ("deepseek-ai/DeepSeek-V3-0324", "p5en.48xlarge", 1),
    ],
)
def test_the_largest_models_span_nodes_with_tensor_parallelism_inside_each(
    model: str, instance: str, nodes: int
) -> None:
    plan = planned(
        model, f"capacity: {{allowInstanceTypes: [{instance}]}}", slo="ttftP95: 20s, itlP95: 500ms"
    )
    args = dict(plan.vllm_args)
    assert plan.chosen.nodes_per_replica == nodes
    assert int(args["--tensor-parallel-size"]) == 8
    assert int(args.get("--pipeline-parallel-size", "1")) == nodes


def test_experts_in_parallel_are_planned_with_where_there_are_any() -> None:
    more = "capacity: {allowInstanceTypes: [p5.48xlarge]}\nserving: {vllm: {enable-expert-parallel: true}}"
    plan = planned("Qwen/Qwen3-30B-A3B", more)
    assert dict(plan.vllm_args)["--enable-expert-parallel"] == ""
    with pytest.raises(InputError, match=r"enable-expert-parallel.*has no experts.*accepted: false"):
        planned("Qwen/Qwen3-8B", more)
    off = planned("Qwen/Qwen3-8B", "serving: {vllm: {enable-expert-parallel: false}}")
    assert "--no-enable-expert-parallel" in dict(off.vllm_args)
