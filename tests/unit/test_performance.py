"""What `predict` says: the load it is given, the physics it must keep, and the ranges it states."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.catalog.resolve import resolve_model
from inferstack.errors import InputError
from inferstack.sizing.basis import FEW, basis_of, load_kind, shape_key
from inferstack.sizing.performance import longest_request, predict
from inferstack.sizing.types import Deployment, Load, Prediction


def deployment(
    model: str = "meta-llama/Llama-3.1-8B-Instruct", gpu: str = "H100", **fields: object
) -> Deployment:
    return Deployment(
        model_id=model,
        architecture=resolve_model(model).architecture,
        gpu=load_catalog().accelerator(gpu),
        **fields,  # type: ignore[arg-type]
    )


def closed(concurrency: int, **fields: object) -> Load:
    return Load(**{"input_tokens": 1000.0, "output_tokens": 200.0, "concurrency": concurrency} | fields)  # type: ignore[arg-type]


def opened(rate: float, **fields: object) -> Load:
    return Load(**{"input_tokens": 1000.0, "output_tokens": 200.0, "request_rate": rate} | fields)  # type: ignore[arg-type]


# --- consistency ---


def test_closed_loop_keeps_littles_law() -> None:
    found = predict(deployment(), closed(32))
    under_way = found.requests_per_second * found.e2e_ms.mean / 1e3
    assert under_way == pytest.approx(32, rel=0.05)


def test_open_loop_serves_what_is_asked_below_capacity() -> None:
    found = predict(deployment(), opened(3.0))
    assert found.requests_per_second == pytest.approx(3.0)
    assert found.output_tokens_per_second == pytest.approx(600.0)
    assert found.total_tokens_per_second == pytest.approx(3600.0)
    assert not found.saturated
    assert 0 < found.utilization < 1


def test_open_loop_running_requests_follow_from_the_rate() -> None:
    found = predict(deployment(), opened(5.0))
    inside_ms = found.ttft_ms.mean + 199 * found.tpot_ms.mean
    assert found.concurrency == pytest.approx(5.0 * inside_ms / 1e3, rel=0.1)


def test_overload_is_said_and_its_queue_is_long() -> None:
    capacity = predict(deployment(), opened(math.inf)).requests_per_second
    found = predict(deployment(), opened(3 * capacity))
    assert found.saturated
    assert found.utilization == pytest.approx(3.0, rel=0.01)
    assert found.ttft_ms.mean > 5_000
    assert found.requests_per_second == pytest.approx(capacity, rel=0.01)


def test_steady_state_and_long_run_agree() -> None:
    steady = predict(deployment(), closed(24))
    run = predict(deployment(), closed(24, num_prompts=1500))
    assert run.tpot_ms.mean == pytest.approx(steady.tpot_ms.mean, rel=0.08)
    assert run.output_tokens_per_second == pytest.approx(steady.output_tokens_per_second, rel=0.08)


def test_short_run_at_saturation_loses_to_its_tail() -> None:
    load = opened(math.inf, input_tokens=217.4, output_tokens=201.6)
    steady = predict(deployment(), load)
    assert predict(deployment(), replace(load, num_prompts=300)).output_tokens_per_second < (
        steady.output_tokens_per_second
    )


def test_same_question_gives_the_same_answer() -> None:
    load = opened(2.0, num_prompts=200, input_tokens=217.4, output_tokens=201.6)
    assert predict(deployment(), load) == predict(deployment(), load)


# --- parts of the model ---


def test_replicas_share_the_load_and_add_up() -> None:
    one = predict(deployment(), opened(4.0))
    three = predict(deployment(), opened(12.0), 3)
    assert three.output_tokens_per_second == pytest.approx(3 * one.output_tokens_per_second)
    assert three.ttft_ms == one.ttft_ms
    assert three.tpot_ms == one.tpot_ms


def test_one_client_uses_one_of_many_replicas() -> None:
    alone = predict(deployment(), closed(1))
    assert predict(deployment(), closed(1), 4).requests_per_second == pytest.approx(alone.requests_per_second)


def test_shared_prefix_cuts_time_to_first_token() -> None:
    cold = predict(deployment(), closed(8, input_tokens=4000.0))
    warm = predict(deployment(), closed(8, input_tokens=4000.0, shared_prefix=0.9))
    assert warm.ttft_ms.mean < 0.5 * cold.ttft_ms.mean


def test_four_bit_weights_speed_up_a_lonely_request_most() -> None:
    def gain(concurrency: int) -> float:
        plain = predict(deployment(quantization="bf16"), closed(concurrency))
        small = predict(deployment(quantization="awq"), closed(concurrency))
        return plain.tpot_ms.mean / small.tpot_ms.mean

    assert gain(1) > 1.5
    assert gain(1) > gain(200)


def test_fp8_multiplies_natively_on_ada_and_not_on_ampere() -> None:
    def prefill_gain(gpu: str) -> float:
        load = closed(1, input_tokens=4000.0)
        plain = predict(deployment(gpu=gpu, quantization="bf16"), load)
        return plain.ttft_ms.mean / predict(deployment(gpu=gpu, quantization="fp8"), load).ttft_ms.mean

    assert prefill_gain("L40S") > 1.3
    assert prefill_gain("A100-80GB") < 1.1


def test_fp8_cache_halves_what_long_contexts_cost() -> None:
    load = closed(24, input_tokens=8000.0)
    full = predict(deployment(), load)
    assert predict(deployment(kv_cache_dtype="fp8"), load).tpot_ms.mean < full.tpot_ms.mean


def test_tensor_parallelism_pays_over_nvlink_and_hardly_over_pcie() -> None:
    def speedup(gpu: str) -> float:
        load = closed(4)
        one = predict(deployment(gpu=gpu, quantization="fp8"), load)
        return one.tpot_ms.mean / predict(deployment(gpu=gpu, quantization="fp8", tp=8), load).tpot_ms.mean

    assert speedup("H100") > speedup("L40S") / 3.9  # L40S reads four times slower, so it has more to gain
    nvlink = predict(deployment(gpu="L40S", tp=8, nvlink=True), closed(4)).tpot_ms.mean
    assert nvlink < predict(deployment(gpu="L40S", tp=8), closed(4)).tpot_ms.mean


def test_pipeline_stages_do_not_speed_up_one_request() -> None:
    load = closed(1)
    one = predict(deployment(gpu="L40S"), load)
    two = predict(deployment(gpu="L40S", pp=2), load)
    assert two.tpot_ms.mean == pytest.approx(one.tpot_ms.mean, rel=0.05)


def test_mixture_reads_more_experts_as_the_batch_grows() -> None:
    mixture = deployment("Qwen/Qwen3-30B-A3B")
    dense = deployment("Qwen/Qwen3-32B", tp=2)
    growth = [
        predict(of, closed(32)).tpot_ms.mean / predict(of, closed(1)).tpot_ms.mean for of in (mixture, dense)
    ]
    assert growth[0] > growth[1]


def test_data_parallel_ranks_share_experts_that_one_gpu_could_not_hold() -> None:
    model = deployment("deepseek-ai/DeepSeek-R1", "H200", expert_parallel=True)
    with pytest.raises(InputError, match="does not fit"):
        predict(model, opened(5.0))
    ranks = replace(model, data_parallel=8)
    assert predict(ranks, opened(5.0)).requests_per_second == pytest.approx(5.0)


def test_newer_engines_overlap_the_scheduler() -> None:
    load = closed(1)
    old = predict(deployment("Qwen/Qwen3-0.6B", vllm_version="0.6.3"), load)
    assert predict(deployment("Qwen/Qwen3-0.6B", vllm_version="0.23.0"), load).tpot_ms.mean < old.tpot_ms.mean


def test_embedding_model_has_rates_and_no_tokens() -> None:
    found = predict(deployment("BAAI/bge-m3", "L4"), opened(math.inf, input_tokens=300.0, output_tokens=0.0))
    assert found.requests_per_second > 20
    assert found.output_tokens_per_second == 0
    assert found.tpot_ms.mean == 0
    assert found.total_tokens_per_second == pytest.approx(300 * found.requests_per_second)


def test_prefill_only_closed_loop_keeps_littles_law() -> None:
    load = closed(16, input_tokens=300.0, output_tokens=0.0)
    found = predict(deployment("BAAI/bge-m3", "L4"), load)
    assert found.requests_per_second * found.ttft_ms.mean / 1e3 == pytest.approx(16, rel=0.1)


# --- capacity ---


def test_full_cache_limits_what_runs() -> None:
    model = deployment("Qwen/Qwen3-32B", "L40S", tp=2)
    found = predict(model, closed(500, input_tokens=4000.0))
    assert found.saturated
    assert found.concurrency < 30
    assert found.ttft_ms.mean > 10_000


def test_max_num_seqs_limits_what_runs() -> None:
    assert predict(deployment(max_num_seqs=16), closed(64)).concurrency == pytest.approx(16)


def test_model_that_does_not_fit_is_an_error_with_the_shortage() -> None:
    with pytest.raises(InputError, match=r"does not fit: no memory left.*GiB short"):
        predict(deployment("Qwen/Qwen3-32B", "L4"), closed(1))


def test_request_longer_than_the_cache_is_an_error() -> None:
    with pytest.raises(InputError, match="does not fit"):
        predict(deployment("Qwen/Qwen3-14B", "L40S"), closed(1, input_tokens=120_000.0))


# --- the question ---


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (Load(input_tokens=10, output_tokens=1), "exactly one"),
        (Load(input_tokens=10, output_tokens=1, concurrency=1, request_rate=1.0), "exactly one"),
        (Load(input_tokens=10, output_tokens=1, concurrency=0), "concurrency"),
        (Load(input_tokens=10, output_tokens=1, request_rate=0.0), "rate"),
        (Load(input_tokens=10, output_tokens=1, request_rate=math.nan), "rate"),
        (Load(input_tokens=0, output_tokens=1, concurrency=1), "input tokens"),
        (Load(input_tokens=10, output_tokens=1, concurrency=1, shared_prefix=1.5), "shared prefix"),
        (Load(input_tokens=10, output_tokens=1, concurrency=1, num_prompts=0), "prompts"),
    ],
)
def test_senseless_load_is_refused(load: Load, message: str) -> None:
    with pytest.raises(InputError, match=message):
        predict(deployment(), load)


def test_no_replicas_are_refused() -> None:
    with pytest.raises(InputError, match="replicas"):
        predict(deployment(), closed(1), 0)


def test_gpu_without_a_known_bandwidth_is_refused() -> None:
    with pytest.raises(InputError, match="bandwidth"):
        predict(deployment(gpu="RTX-PRO-4500"), closed(1))


def test_longest_request_follows_the_95th_percentiles() -> None:
    assert longest_request(closed(1)) == 1200
    assert longest_request(closed(1, input_tokens_p95=3000.0, output_tokens_p95=500.0)) == 3500


# --- basis and range ---


def test_basis_says_what_was_measured() -> None:
    assert basis_of(deployment("meta-llama/Llama-3.3-70B-Instruct", "H100", tp=4)) == "measured"
    assert basis_of(deployment("google/gemma-3-27b-it", "H100")) == "interpolated"
    assert basis_of(deployment("meta-llama/Llama-3.1-8B-Instruct", "T4")) == "extrapolated"


def test_renamed_network_is_the_same_network() -> None:
    llama = resolve_model("meta-llama/Llama-3.1-8B-Instruct").architecture
    tuned = resolve_model("deepseek-ai/DeepSeek-R1-Distill-Llama-8B").architecture
    assert shape_key(llama) == shape_key(tuned)
    assert shape_key(llama) != shape_key(resolve_model("Qwen/Qwen3-8B").architecture)


def _assert_ranges_hold_the_estimate(found: Prediction) -> None:
    for name, mean in (
        ("output_tokens_per_second", found.output_tokens_per_second),
        ("ttft_ms", found.ttft_ms.mean),
        ("tpot_ms", found.tpot_ms.mean),
    ):
        assert found.range[name].low <= mean <= found.range[name].high


@pytest.mark.parametrize("load", [closed(1), closed(64), opened(1.0), opened(math.inf)])
def test_range_holds_the_estimate(load: Load) -> None:
    _assert_ranges_hold_the_estimate(predict(deployment(), load))


def test_open_loop_cannot_give_more_than_is_asked() -> None:
    found = predict(deployment(), opened(2.0))
    assert found.range["output_tokens_per_second"].high == pytest.approx(400.0)


def test_kinds_of_load() -> None:
    assert load_kind(closed(FEW), saturated=False) == "few"
    assert load_kind(closed(FEW + 1), saturated=False) == "many"
    assert load_kind(opened(1.0), saturated=False) == "open"
    assert load_kind(closed(500), saturated=True) == "saturated"
