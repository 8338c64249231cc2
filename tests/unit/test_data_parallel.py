"""Data-parallel ranks that share a mixture's experts: when the plan takes them, and what it then says."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.catalog.resolve import resolve_model
from inferstack.errors import InputError
from inferstack.sizing.basis import basis_of
from inferstack.sizing.compare import compare_quantization, comparison_text
from inferstack.sizing.data_parallel import copies_cache
from inferstack.sizing.load_time import load_facts
from inferstack.sizing.memory import fit
from inferstack.sizing.performance import predict
from inferstack.sizing.plan import plan_workload
from inferstack.sizing.plan_text import workload_text
from inferstack.sizing.types import Adapters, Deployment, Load, WorkloadPlan
from inferstack.spec.load import parse_workload
from inferstack.spec.vllm_arguments import argument_list

CATALOG = load_catalog()
DEEPSEEK = "deepseek-ai/DeepSeek-V3-0324"
SPEC = """
apiVersion: inferstack/v1
kind: Workload
name: w
model: {model}
traffic: {{requestsPerDay: {requests}, inputTokens: 2000, outputTokens: 700}}
slo: {{ttftP95: 5s, itlP95: 150ms, availability: 99%}}
data: {{residency: [US]}}
{more}
"""
BUSY = 400_000


@functools.cache
def planned(model: str, requests: int = BUSY, more: str = "") -> WorkloadPlan:
    spec = SPEC.format(model=model, requests=requests, more=more)
    return plan_workload(parse_workload(spec), None, CATALOG)


def deployment(model: str = DEEPSEEK, gpu: str = "H200", **settings: object) -> Deployment:
    return Deployment(
        model_id=model,
        architecture=resolve_model(model).architecture,
        gpu=CATALOG.accelerator(gpu),
        max_model_len=32768,
        **settings,  # type: ignore[arg-type]  # by name
    )


# --- memory ---


def test_latent_caches_are_kept_once_instead_of_on_every_gpu() -> None:
    """576 elements of 2 bytes in 61 layers, in blocks of 64 tokens: what a rank has left, by hand."""
    ranks = fit(deployment(data_parallel=8, expert_parallel=True, max_num_batched_tokens=2048))
    by_hand = int(ranks.kv_cache_gib_per_gpu * 2**30 // (64 * 61 * 576 * 2)) * 64
    assert ranks.kv_cache_tokens == pytest.approx(by_hand, abs=64)
    assert ranks.server_kv_cache_tokens == 8 * ranks.kv_cache_tokens
    tensor = fit(deployment(tp=8))
    assert ranks.kv_cache_gib_per_gpu < tensor.kv_cache_gib_per_gpu  # copies of attention cost room
    assert ranks.server_kv_cache_tokens > 3 * tensor.server_kv_cache_tokens


def test_every_rank_gathers_the_tokens_of_all() -> None:
    """Eight times the tokens in one step: two buffers of eight rows a token, 7,168 wide, and the tokens."""
    ranks = deployment(data_parallel=8, expert_parallel=True, max_num_batched_tokens=8192)
    some = fit(replace(ranks, max_num_batched_tokens=2048)).activation_gib_per_gpu
    more = fit(ranks).activation_gib_per_gpu - some
    gathered = 8 * 6144 * (8 * 2 * 7168 + 7168) * 2 / 2**30
    assert gathered < more < 1.3 * gathered


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": "Qwen/Qwen3-32B", "data_parallel": 2}, "has none: independent replicas"),
        ({"data_parallel": 2, "pp": 2}, "not planned with"),
        ({"model": "openai/gpt-oss-20b", "tp": 2, "data_parallel": 32}, "32 experts .* 64 GPUs"),
        (
            {
                "tp": 4,
                "data_parallel": 2,
                "expert_parallel": True,
                "adapters": Adapters(count=2, rank=16),
            },
            "LoRA for experts",
        ),
    ],
)
def test_what_ranks_cannot_do_does_not_fit(changes: dict[str, object], reason: str) -> None:
    found = fit(deployment(**{"gpu": "B200", **changes}))  # type: ignore[arg-type]  # by name
    assert not found.fits
    assert pytest.importorskip("re").search(reason, found.reason)


def test_adapters_fit_on_ranks_of_one_gpu() -> None:
    ranks = deployment(
        data_parallel=8, expert_parallel=True, max_num_batched_tokens=2048, adapters=Adapters(count=1, rank=8)
    )
    assert fit(ranks).fits


# --- speed ---


def rate(per_second: float) -> Load:
    return Load(input_tokens=2000, output_tokens=300, request_rate=per_second)


def test_no_measurement_backs_ranks() -> None:
    ranks = deployment(data_parallel=8, expert_parallel=True, max_num_batched_tokens=2048)
    assert basis_of(replace(ranks, tp=8, data_parallel=1)) != "extrapolated"
    assert basis_of(ranks) == predict(ranks, rate(2.0)).basis == "extrapolated"


def test_a_prompt_on_one_rank_holds_up_the_others() -> None:
    """The same arrivals to a rank: alone it waits for its own prompts, among others for theirs too."""
    model = "Qwen/Qwen3-30B-A3B"
    alone = predict(deployment(model, "H100"), rate(0.5))
    ranks = deployment(model, "H100", data_parallel=8, expert_parallel=True)
    among = predict(ranks, rate(8 * 0.5))
    assert among.tpot_ms.mean > alone.tpot_ms.mean
    assert among.concurrency == pytest.approx(8 * 0.5 * among.e2e_ms.mean / 1e3, rel=0.1)


def test_the_network_between_nodes_takes_its_time() -> None:
    inside = deployment(data_parallel=16, expert_parallel=True, max_num_batched_tokens=2048)
    across = replace(inside, nodes=2, node_network_gb_per_s=400.0)
    slow = replace(across, node_network_gb_per_s=12.5)
    times = [predict(one, rate(8.0)).tpot_ms.mean for one in (inside, across, slow)]
    assert times[0] < times[1] < times[2]


def test_more_is_served_where_the_cache_was_the_limit() -> None:
    tensor = predict(deployment(tp=8), rate(float("inf")))
    ranks = predict(
        deployment(data_parallel=8, expert_parallel=True, max_num_batched_tokens=2048), rate(float("inf"))
    )
    assert ranks.requests_per_second > 1.2 * tensor.requests_per_second


# --- the plan ---


def test_only_mixtures_whose_cache_would_be_copied_get_a_look() -> None:
    assert copies_cache(resolve_model(DEEPSEEK).architecture, 2)
    assert not copies_cache(resolve_model(DEEPSEEK).architecture, 1)
    assert not copies_cache(resolve_model("openai/gpt-oss-120b").architecture, 8)
    assert copies_cache(resolve_model("Qwen/Qwen3-235B-A22B").architecture, 8)
    assert not copies_cache(resolve_model("Qwen/Qwen3-32B").architecture, 16)


def test_ranks_win_where_they_cost_less_and_the_plan_says_why() -> None:
    plan, without = planned(DEEPSEEK), planned(DEEPSEEK, more="serving: {dataParallel: 1}")
    assert plan.chosen.dp > 1
    assert without.chosen.dp == 1
    assert plan.chosen.usd_per_month is not None
    assert without.chosen.usd_per_month is not None
    assert plan.chosen.usd_per_month < without.chosen.usd_per_month
    assert plan.chosen.at_peak.basis == "extrapolated"
    text = workload_text(plan)
    assert f"TP{plan.chosen.tp} DP{plan.chosen.dp}" in text
    assert "data parallel (best by cost):" in text
    assert f"on each of {plan.chosen.dp} ranks" in text
    assert "step together" in text
    assert "data parallel" not in workload_text(without)


def test_ranks_lose_where_tensor_parallelism_serves_as_cheaply() -> None:
    assert planned(DEEPSEEK, 40_000).chosen.dp == 1


@pytest.mark.parametrize("model", ["Qwen/Qwen3-8B", "openai/gpt-oss-20b", "Qwen/Qwen3-30B-A3B"])
def test_where_no_ranks_win_forbidding_them_changes_nothing(model: str) -> None:
    plan, without = planned(model, 20_000), planned(model, 20_000, "serving: {dataParallel: 1}")
    assert replace(plan, rejections=()) == replace(without, rejections=())


def test_arguments_of_ranks() -> None:
    plan = planned(DEEPSEEK)
    args, dp = dict(plan.vllm_args), plan.chosen.dp
    assert args["--data-parallel-size"] == args["--api-server-count"] == str(dp)
    assert args["--tensor-parallel-size"] == str(plan.chosen.tp)
    assert args["--enable-expert-parallel"] == ""
    assert args["--all2all-backend"] == "allgather_reducescatter"
    assert int(args["--max-num-batched-tokens"]) == 16384 // dp
    assert "--data-parallel-size-local" not in args
    seqs = int(args.get("--max-num-seqs", plan.chosen.fit.max_num_seqs))
    assert seqs * 2700 <= plan.chosen.fit.kv_cache_tokens * 1.01
    # of one rank there, of the server here
    assert int(args["--max-num-queued-reqs"]) > dp * seqs


def test_arguments_of_ranks_are_the_pinned_versions() -> None:
    more = "serving: {dataParallel: 8}\ncapacity: {allowInstanceTypes: [p5.48xlarge]}"
    known = argument_list().known
    for plan in (planned(DEEPSEEK), planned(DEEPSEEK, 40_000, more)):
        assert {name.removeprefix("--") for name, _ in plan.vllm_args} <= known.keys()


def test_a_rank_takes_at_least_a_token_of_every_request() -> None:
    more = "serving: {dataParallel: 16, vllm: {max-num-seqs: 2048}}"
    args = dict(planned(DEEPSEEK, 40_000, more).vllm_args)
    assert int(args["--max-num-batched-tokens"]) >= int(args["--max-num-seqs"]) == 2048


def test_loading_reads_the_checkpoint_once_a_node() -> None:
    """Ranks that each read for themselves would take as many times as long."""
    plan = planned(DEEPSEEK)
    instance = CATALOG.instance(plan.chosen.instance_type)
    facts = load_facts()
    at_most = instance.network_gbps / 8 * facts.network_share
    rate = min(at_most, facts.gpu_gb_per_s * plan.chosen.gpus)
    replicas = plan.chosen.replicas_per_node
    by_hand = facts.weights_fixed_s + plan.weights_gib * 2**30 / 1e9 * replicas / rate
    assert plan.load_time.weights_s == pytest.approx(by_hand, abs=0.1)


def test_marks_of_the_autoscaler_are_those_of_a_server() -> None:
    plan = planned(DEEPSEEK)
    a_rank = plan.chosen.at_peak.concurrency / plan.chosen.dp
    assert plan.scale.concurrency > a_rank
    assert plan.chosen.at_peak.concurrency == pytest.approx(
        plan.peak_requests_per_second / plan.chosen.replicas_serving
        * (plan.chosen.at_peak.ttft_ms.mean + 700 * plan.chosen.at_peak.tpot_ms.mean) / 1e3, rel=0.15
    )  # fmt: skip


def test_weights_are_read_once_whatever_is_copied() -> None:
    plan = planned(DEEPSEEK)
    assert plan.weights_gib == pytest.approx(640, rel=0.03)
    assert plan.weights_gib < plan.chosen.fit.weights_gib_per_gpu * plan.chosen.gpus


def test_ranks_go_over_nodes_where_none_holds_the_model() -> None:
    more = "serving: {dataParallel: 8}\ncapacity: {allowInstanceTypes: [p5.48xlarge]}"
    plan = planned(DEEPSEEK, 40_000, more)
    args = dict(plan.vllm_args)
    assert (plan.chosen.tp, plan.chosen.dp, plan.chosen.nodes_per_replica) == (2, 8, 2)
    assert (args["--data-parallel-size"], args["--data-parallel-size-local"]) == ("8", "4")
    text = workload_text(plan)
    assert "data parallel (as serving.dataParallel asks)" in text
    assert "with TP8 PP2 on the same GPUs" in text


def test_forms_of_the_weights_are_compared_with_their_ranks() -> None:
    spec = parse_workload(SPEC.format(model=DEEPSEEK, requests=BUSY, more=""))
    rows = compare_quantization(spec, None, CATALOG)
    assert " DP" in comparison_text(rows)


@pytest.mark.parametrize(
    ("model", "serving", "message"),
    [
        ("Qwen/Qwen3-8B", "dataParallel: 2", "serving.dataParallel.*has no experts.*accepted: 1 or auto"),
        (DEEPSEEK, "dataParallel: 3", "serving.dataParallel.*accepted: 1, 2, 4, 8, 16, 32"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "dataParallel: 16", "has 8 experts"),
        (DEEPSEEK, "dataParallel: 8, vllm: {enable-expert-parallel: false}", "ranks share whole experts"),
        (DEEPSEEK, "vllm: {data-parallel-size: 8}", "data-parallel-size.*serving.dataParallel"),
    ],
)
def test_what_cannot_be_asked_for(model: str, serving: str, message: str) -> None:
    with pytest.raises(InputError, match=f"(?s){message}"):
        planned(model, more=f"serving: {{{serving}}}")


def test_whole_experts_forbidden_means_no_ranks() -> None:
    plan = planned(DEEPSEEK, more="serving: {vllm: {enable-expert-parallel: false}}")
    assert plan.chosen.dp == 1


@pytest.mark.parametrize(
    ("serving", "message"),
    [
        ("vllm: {mm-tensor-ipc: torch_shm}", "mm-tensor-ipc.*data-parallel ranks"),
        ("vllm: {enable-fault-tolerance: true}", "enable-fault-tolerance"),
    ],
)
def test_arguments_that_ranks_refuse(serving: str, message: str) -> None:
    with pytest.raises(InputError, match=f"(?s){message}"):
        planned(DEEPSEEK, more=f"serving: {{dataParallel: 8, {serving}}}")


def test_balanced_experts_must_divide() -> None:
    """128 experts over 48 GPUs would not; over 8 they do."""
    plan = planned("Qwen/Qwen3-235B-A22B", more="serving: {dataParallel: 4, vllm: {enable-eplb: true}}")
    assert dict(plan.vllm_args)["--enable-eplb"] == ""
