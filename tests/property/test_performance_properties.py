"""Laws of performance prediction that hold for every model, GPU and load."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from inferstack.catalog.load import load_catalog
from inferstack.catalog.resolve import resolve_model
from inferstack.errors import InputError
from inferstack.sizing.batch_limits import Limits
from inferstack.sizing.batching import Requests, run
from inferstack.sizing.constants import generation, load_constants
from inferstack.sizing.kernels import kernel_of
from inferstack.sizing.performance import predict
from inferstack.sizing.steptime import StepModel
from inferstack.sizing.tensors import layer_elements
from inferstack.sizing.traffic import output_lengths, poisson_arrivals_ms, prompt_lengths
from inferstack.sizing.types import Adapters, Deployment, Load, Prediction, Speculation
from inferstack.sizing.weight_formats import Part
from tests.ideal_steps import Ideal

MODELS = (
    "meta-llama/Llama-3.1-8B-Instruct",
    "Qwen/Qwen3-30B-A3B",
    "Qwen/Qwen3.5-9B",
    "google/gemma-3-12b-it",
    "openai/gpt-oss-20b",
    "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16",
    "microsoft/phi-4",
)
GPUS = ("L4", "L40S", "A100-80GB", "H100", "H200", "B200", "RTX-PRO-6000")
VERSIONS = ("0.6.3", "0.8.5", "0.11.0", "0.19.0", "0.33.0")
NOISE = 1 + 1e-3
few = settings(max_examples=40, deadline=None)


@cache
def deployment(model: str, gpu: str, quantization: str | None, tp: int, version: str) -> Deployment:
    return Deployment(
        model_id=model,
        architecture=resolve_model(model).architecture,
        gpu=load_catalog().accelerator(gpu),
        quantization=quantization,
        tp=tp,
        vllm_version=version,
    )


@st.composite
def deployments(draw: st.DrawFn) -> Deployment:
    return deployment(
        draw(st.sampled_from(MODELS)),
        draw(st.sampled_from(GPUS)),
        draw(st.sampled_from((None, "fp8", "awq"))),
        draw(st.sampled_from((1, 2, 4))),
        draw(st.sampled_from(VERSIONS)),
    )


lengths = st.tuples(st.integers(1, 6000).map(float), st.integers(1, 1500).map(float))


def ask(of: Deployment, load: Load, replicas: int = 1) -> Prediction:
    """The prediction; what does not fit is of no interest here."""
    try:
        return predict(of, load, replicas)
    except InputError as error:
        assume("does not fit" not in str(error))
        raise


def step_model(of: Deployment) -> StepModel:
    constants = load_constants()
    return StepModel(of, constants, constants.engines[generation(of.vllm_version)])


@few
@given(deployments(), st.integers(1, 500), st.integers(1, 4000), st.floats(1.05, 4))
def test_more_bandwidth_is_never_slower(of: Deployment, decodes: int, context: int, factor: float) -> None:
    fast = of.gpu.model_copy(
        update={"memory_bandwidth_gb_per_s": (of.gpu.memory_bandwidth_gb_per_s or 0) * factor}
    )
    slow_ms = step_model(of).step_ms(decodes, decodes * context)
    assert step_model(replace(of, gpu=fast)).step_ms(decodes, decodes * context) <= slow_ms


@few
@given(deployments(), st.integers(0, 500), st.integers(1, 4000), st.integers(0, 8000))
def test_more_in_a_step_takes_longer(of: Deployment, decodes: int, context: int, prefill: int) -> None:
    model = step_model(of)
    base = model.step_ms(decodes, decodes * context, prefill, prefill / 2)
    assert 0 < base < math.inf
    assert model.step_ms(decodes + 1, (decodes + 1) * context, prefill, prefill / 2) > base
    assert model.step_ms(decodes, decodes * context, prefill + 100, prefill / 2 + 50) > base


@cache
def accelerators() -> tuple[str, ...]:
    return tuple(gpu.id for gpu in load_catalog().accelerators() if gpu.memory_bandwidth_gb_per_s)


@few
@given(
    st.sampled_from(MODELS), st.sampled_from(accelerators()), st.sampled_from((None, "fp8", "awq")),
    st.sampled_from((1, 2, 4, 8)), st.integers(1, 300), st.integers(1, 4000),
)  # fmt: skip
def test_no_step_beats_the_data_sheet(
    model: str, gpu: str, quantization: str | None, tp: int, decodes: int, prefill: int
) -> None:
    of = deployment(model, gpu, quantization, tp, "0.19.0")
    moe = of.architecture.moe
    elements = read = 0.0
    for part, count in layer_elements(of.architecture, tp).items():
        used = moe.experts_per_token / moe.num_experts if moe and part is Part.EXPERT else 1.0
        elements, read = elements + count * used, read + count * used * kernel_of(of, part).bits / 8
    peaks = (
        of.gpu.bf16_dense_tflops,
        of.gpu.fp16_dense_tflops,
        of.gpu.fp8_dense_tflops,
        of.gpu.fp4_dense_tflops,
    )
    assert (
        step_model(of).step_ms(decodes, decodes * 100) >= read / (of.gpu.memory_bandwidth_gb_per_s or 0) / 1e6
    )
    compute_ms = 2 * elements * prefill / (max(peak or 0 for peak in peaks) * 1e9)
    assert step_model(of).step_ms(0, 0, prefill, prefill / 2) >= compute_ms


@few
@given(deployments(), lengths, st.integers(1, 200), st.integers(1, 100))
@example(deployment(MODELS[0], "L4", None, 1, "0.6.3"), (363.0, 8.0), 47, 18)
@example(deployment(MODELS[0], "L4", None, 1, "0.8.5"), (60.0, 2.0), 115, 41)
def test_more_at_a_time_is_not_faster_for_each(
    of: Deployment, tokens: tuple[float, float], concurrency: int, more: int
) -> None:
    load = Load(input_tokens=tokens[0], output_tokens=tokens[1], concurrency=concurrency)
    one = ask(of, load)
    two = ask(of, replace(load, concurrency=concurrency + more))
    assert two.tpot_ms.mean * NOISE >= one.tpot_ms.mean
    assert two.e2e_ms.mean * NOISE >= one.e2e_ms.mean
    assert two.requests_per_second * 1.02 >= one.requests_per_second


@few
@given(deployments(), lengths, st.integers(1, 300))
def test_no_closed_loop_beats_saturation(
    of: Deployment, tokens: tuple[float, float], concurrency: int
) -> None:
    load = Load(input_tokens=tokens[0], output_tokens=tokens[1], concurrency=concurrency)
    full = ask(of, replace(load, concurrency=None, request_rate=math.inf))
    assert ask(of, load).requests_per_second <= full.requests_per_second * 1.02


@few
@given(deployments(), lengths, st.floats(0.02, 0.95), st.floats(1.0, 1.5))
@example(deployment("Qwen/Qwen3.5-9B", "L4", None, 1, "0.6.3"), (1.0, 2.0), 0.75, 1.5)
@example(deployment("Qwen/Qwen3-30B-A3B", "L40S", "fp8", 4, "0.8.5"), (1.0, 1.0), 0.9375, 1.5)
def test_faster_arrivals_wait_longer(
    of: Deployment, tokens: tuple[float, float], share: float, more: float
) -> None:
    load = Load(input_tokens=tokens[0], output_tokens=tokens[1], request_rate=math.inf)
    full = ask(of, load).requests_per_second
    one = ask(of, replace(load, request_rate=share * full))
    two = ask(of, replace(load, request_rate=share * more * full))
    assert two.ttft_ms.mean * NOISE >= one.ttft_ms.mean
    assert two.tpot_ms.mean * NOISE >= one.tpot_ms.mean
    assert two.concurrency * NOISE >= one.concurrency


@few
@given(deployments(), lengths, st.floats(0.05, 0.8), st.integers(2, 9))
@example(deployment("Qwen/Qwen3-30B-A3B", "RTX-PRO-6000", None, 2, "0.8.5"), (3.0, 1.0), 0.5, 2)
def test_replicas_scale(of: Deployment, tokens: tuple[float, float], share: float, replicas: int) -> None:
    load = Load(input_tokens=tokens[0], output_tokens=tokens[1], request_rate=math.inf)
    rate = ask(of, load).requests_per_second * share
    one = ask(of, replace(load, request_rate=rate))
    many = ask(of, replace(load, request_rate=rate * replicas), replicas)
    assert many.requests_per_second == pytest.approx(replicas * one.requests_per_second)
    assert many.ttft_ms.mean == pytest.approx(one.ttft_ms.mean)
    spread = ask(of, replace(load, request_rate=rate), replicas)
    assert spread.ttft_ms.mean <= one.ttft_ms.mean * NOISE


@few
@given(deployments(), lengths, st.floats(0.05, 2.0))
def test_percentiles_are_ordered_and_ranges_hold_the_mean(
    of: Deployment, tokens: tuple[float, float], share: float
) -> None:
    load = Load(input_tokens=tokens[0], output_tokens=tokens[1], request_rate=math.inf)
    rate = ask(of, load).requests_per_second * share
    for question in (load, replace(load, request_rate=rate), replace(load, request_rate=None, concurrency=7)):
        found = ask(of, question)
        for values in (found.ttft_ms, found.tpot_ms, found.e2e_ms):
            assert 0 <= values.p50 <= values.p95 <= values.p99
        assert found.range["ttft_ms"].low <= found.ttft_ms.mean <= found.range["ttft_ms"].high
        assert found.range["tpot_ms"].low <= found.tpot_ms.mean <= found.range["tpot_ms"].high


@settings(max_examples=25, deadline=None)
@given(deployments(), lengths, st.integers(1, 24))
@example(deployment(MODELS[0], "L4", None, 1, "0.6.3"), (223.0, 2.0), 1)
@example(deployment(MODELS[0], "B200", None, 4, "0.8.5"), (2581.0, 1.0), 1)
@example(deployment("Qwen/Qwen3-30B-A3B", "H100", "fp8", 2, "0.6.3"), (5.0, 2.0), 9)
@example(deployment("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "H100", None, 1, "0.6.3"), (16.0, 9.0), 12)
@example(deployment("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "H100", None, 1, "0.8.5"), (42.0, 13.0), 7)
def test_steady_state_is_what_a_long_run_tends_to(
    of: Deployment, tokens: tuple[float, float], concurrency: int
) -> None:
    load = Load(input_tokens=tokens[0], output_tokens=tokens[1], concurrency=concurrency)
    steady = ask(of, load)
    assume(not steady.saturated)
    played = ask(of, replace(load, num_prompts=40 * concurrency))
    assert played.requests_per_second == pytest.approx(steady.requests_per_second, rel=0.2)


# --- speculative decoding and adapters ---


@few
@given(deployments(), st.integers(1, 300), st.integers(1, 4000), st.integers(0, 4000), st.integers(0, 8))
def test_checking_guesses_never_shortens_a_step(
    of: Deployment, decodes: int, context: int, prefill: int, tokens: int
) -> None:
    guessing = replace(of, speculation=Speculation(method="ngram", tokens=tokens, acceptance_rate=0.9))
    plain = step_model(of).step_ms(decodes, decodes * context, prefill, prefill / 2)
    checked = step_model(guessing).step_ms(decodes, decodes * context, prefill, prefill / 2)
    headed = replace(of, speculation=Speculation(method="mtp", tokens=tokens, acceptance_rate=0.9))
    assert plain <= checked <= step_model(headed).step_ms(decodes, decodes * context, prefill, prefill / 2)
    assert (plain == checked) == (tokens == 0)


@few
@given(deployments(), lengths, st.integers(1, 200), st.integers(0, 6), st.floats(0, 1))
def test_guesses_that_never_hold_are_never_faster(
    of: Deployment, tokens: tuple[float, float], concurrency: int, guesses: int, rate: float
) -> None:
    load = Load(input_tokens=tokens[0], output_tokens=tokens[1], concurrency=concurrency)
    plain = ask(of, load)
    none = replace(of, speculation=Speculation(method="ngram", tokens=0, acceptance_rate=rate))
    assert ask(none, load).tpot_ms == plain.tpot_ms
    wrong = replace(of, speculation=Speculation(method="ngram", tokens=guesses, acceptance_rate=0.0))
    found = ask(wrong, load)
    assert found.requests_per_second <= plain.requests_per_second * NOISE
    assert found.e2e_ms.mean * NOISE >= plain.e2e_ms.mean


@few
@given(
    deployments(), lengths, st.integers(1, 200), st.integers(1, 40), st.integers(0, 40), st.integers(1, 128)
)
def test_more_adapters_are_never_faster(
    of: Deployment, tokens: tuple[float, float], concurrency: int, count: int, more: int, rank: int
) -> None:
    load = Load(input_tokens=tokens[0], output_tokens=tokens[1], concurrency=concurrency)
    plain = ask(of, load)
    one = ask(replace(of, adapters=Adapters(count=count, rank=rank)), load)
    two = ask(replace(of, adapters=Adapters(count=count + more, rank=rank)), load)
    assert plain.requests_per_second * NOISE >= one.requests_per_second
    assert one.requests_per_second * NOISE >= two.requests_per_second
    assert plain.e2e_ms.mean <= one.e2e_ms.mean * NOISE
    assert one.e2e_ms.mean <= two.e2e_ms.mean * NOISE


# --- the scheduler ---


runs = st.lists(st.tuples(st.integers(1, 600), st.integers(1, 80)), min_size=1, max_size=40)


@few
@given(runs, st.integers(1, 12), st.integers(100, 1000), st.integers(700, 3000))
def test_every_request_is_served_in_time_order(
    sizes: list[tuple[int, int]], concurrency: int, chunk: int, cache: int
) -> None:
    requests = Requests(
        prompts=[prompt for prompt, _ in sizes], outputs=[n for _, n in sizes], concurrency=concurrency
    )
    trace = run(Ideal(), requests, Limits(sequences=8, batched_tokens=chunk, kv_tokens=cache))
    for arrival, first, last, (prompt, output) in zip(
        trace.arrival, trace.first, trace.finish, sizes, strict=True
    ):
        assert arrival < first <= last <= trace.end
        assert first - arrival >= 10 + min(prompt, chunk) / 100 - 1e-9
        assert last - first >= 10 * (output - 1) - 1e-6


@few
@given(runs, st.integers(650, 5000))
def test_small_cache_delays_and_never_loses(sizes: list[tuple[int, int]], cache: int) -> None:
    requests = Requests(
        prompts=[p for p, _ in sizes], outputs=[n for _, n in sizes], arrivals_ms=[0.0] * len(sizes)
    )
    tight = run(Ideal(), requests, Limits(sequences=64, batched_tokens=2048, kv_tokens=cache))
    wide = run(Ideal(), requests, Limits(sequences=64, batched_tokens=2048, kv_tokens=math.inf))
    assert min(tight.finish) > 0
    assert tight.end >= wide.end - 1e-6


# --- what is sent ---


@few
@given(st.floats(2, 900), st.floats(2, 900), st.integers(50, 1500))
def test_lengths_keep_their_means(prompt: float, output: float, count: int) -> None:
    load = Load(input_tokens=prompt, output_tokens=output, concurrency=1)
    for drawn, mean in ((prompt_lengths(load, count), prompt), (output_lengths(load, count), output)):
        assert min(drawn) >= 1
        assert sum(drawn) / count == pytest.approx(mean, rel=0.1, abs=1)


@few
@given(st.floats(20, 900), st.floats(1.3, 4))
def test_stated_95th_percentile_is_kept(mean: float, ratio: float) -> None:
    load = Load(input_tokens=100, output_tokens=mean, concurrency=1, output_tokens_p95=mean * ratio)
    drawn = sorted(output_lengths(load, 2000))
    assert drawn[1900] == pytest.approx(mean * ratio, rel=0.12)


@few
@given(st.floats(0.01, 500), st.integers(1, 500))
def test_arrivals_keep_their_rate(rate: float, count: int) -> None:
    times = poisson_arrivals_ms(rate, count)
    assert times == sorted(times)
    assert times[-1] == pytest.approx(count / rate * 1e3)
