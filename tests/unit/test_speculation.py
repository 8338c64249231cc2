"""Speculative decoding: sums by hand, the roofline it cannot beat, and the load at which it costs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.catalog.resolve import resolve_model
from inferstack.errors import InputError
from inferstack.sizing.batch_limits import Limits
from inferstack.sizing.batching import Requests, run
from inferstack.sizing.constants import generation, load_constants
from inferstack.sizing.memory import fit
from inferstack.sizing.performance import predict
from inferstack.sizing.queueing import Shape, closed_loop, open_loop
from inferstack.sizing.speculation import default_acceptance_rate, doubt, tokens_per_step
from inferstack.sizing.steptime import StepModel
from inferstack.sizing.types import Deployment, Load, Proposer, Speculation
from tests.ideal_steps import Ideal

MODEL = "meta-llama/Llama-3.1-8B-Instruct"
VERSION = "0.19.0"
CONSTANTS = load_constants()
ENGINE = CONSTANTS.engines[generation(VERSION)]
HOST_FREE = replace(ENGINE, step_ms=0.0, sequence_us=0.0)


def deployment(model: str = MODEL, speculation: Speculation | None = None) -> Deployment:
    return Deployment(
        model_id=model,
        architecture=resolve_model(model).architecture,
        gpu=load_catalog().accelerator("H100"),
        vllm_version=VERSION,
        speculation=speculation,
    )


def guess(method: Proposer = "ngram", tokens: int = 3, rate: float = 0.5, draft: str = "") -> Speculation:
    network = resolve_model(draft).architecture if draft else None
    return Speculation(method=method, tokens=tokens, acceptance_rate=rate, draft=network)


def step_ms(of: Deployment, decodes: float, context: float = 500.0) -> float:
    return StepModel(of, CONSTANTS, ENGINE).step_ms(decodes, decodes * context)


def closed(concurrency: int) -> Load:
    return Load(input_tokens=1000.0, output_tokens=300.0, concurrency=concurrency)


# --- tokens a step ---


def test_tokens_of_a_step_are_the_geometric_sum() -> None:
    assert tokens_per_step(None) == 1
    assert tokens_per_step(guess(tokens=3, rate=0.5)) == 1.875
    assert tokens_per_step(guess(tokens=4, rate=0.7)) == pytest.approx((1 - 0.7**5) / (1 - 0.7))
    assert tokens_per_step(guess(tokens=5, rate=1.0)) == 6
    assert tokens_per_step(guess(tokens=5, rate=0.0)) == 1


@pytest.mark.parametrize(
    ("method", "tokens", "low", "high"),
    [
        ("ngram", 10, 1.55, 1.74),
        ("draft_model", 10, 2.01, 2.29),
        ("eagle3", 3, 2.26, 2.60),
        ("mtp", 1, 1.7, 1.9),
    ],
)
def test_default_rates_give_the_published_tokens(
    method: Proposer, tokens: int, low: float, high: float
) -> None:
    assert low <= tokens_per_step(guess(method, tokens, default_acceptance_rate(method))) <= high


def test_doubt_is_both_ways_and_stops_at_certainty() -> None:
    fewer, more = doubt(guess(tokens=1, rate=0.5))
    assert fewer == pytest.approx(math.log(1.5 / 1.35))
    assert more == pytest.approx(math.log(1.65 / 1.5))
    assert doubt(guess(tokens=3, rate=1.0))[1] == 0
    assert doubt(None) == (0.0, 0.0)


# --- the step ---


def test_a_step_without_guesses_is_the_plain_step() -> None:
    assert step_ms(deployment(speculation=guess(tokens=0)), 8) == step_ms(deployment(), 8)
    none = guess("eagle3", tokens=0)
    assert step_ms(deployment(speculation=none), 8) == step_ms(deployment(), 8)


def test_checking_is_nearly_free_alone_and_costs_in_a_crowd() -> None:
    def dearer(decodes: int) -> float:
        return step_ms(deployment(speculation=guess()), decodes) / step_ms(deployment(), decodes)

    assert 1 < dearer(1) < 1.02
    assert dearer(256) > 1.5


def test_positions_to_check_reach_more_experts() -> None:
    def dearer(model: str) -> float:
        return step_ms(deployment(model, guess()), 1) / step_ms(deployment(model), 1)

    assert dearer("Qwen/Qwen3-30B-A3B") > 1.1 > dearer(MODEL)


def test_a_draft_model_runs_once_a_guess() -> None:
    draft = "meta-llama/Llama-3.2-1B-Instruct"
    one_pass = StepModel(deployment(draft), CONSTANTS, HOST_FREE).step_ms(16, 16 * 500.0)
    with_draft = step_ms(deployment(speculation=guess("draft_model", draft=draft)), 16)
    assert with_draft - step_ms(deployment(speculation=guess()), 16) == pytest.approx(3 * one_pass)


def test_a_head_is_a_layer_and_the_vocabulary_once_a_guess() -> None:
    def proposing(tokens: int) -> float:
        own = step_ms(deployment(speculation=guess("mtp", tokens)), 1)
        return own - step_ms(deployment(speculation=guess("ngram", tokens)), 1)

    assert proposing(4) == pytest.approx(2 * proposing(2))
    whole = StepModel(deployment(), CONSTANTS, HOST_FREE).step_ms(1, 500.0)
    head_ms = 128256 * 4096 * 2 / (3350 * 1e6 * CONSTANTS.bandwidth * CONSTANTS.gpu("H100-SXM").bandwidth)
    assert proposing(1) == pytest.approx((whole - head_ms) / 32 + head_ms, rel=0.02)


# --- the service ---


def test_a_request_takes_fewer_steps() -> None:
    limits = Limits(sequences=8, batched_tokens=2048, kv_tokens=math.inf, tokens_per_step=2.5, positions=4)
    trace = run(Ideal(), Requests(prompts=[500], outputs=[101], concurrency=1), limits)
    assert trace.first == [15]
    assert trace.finish == [pytest.approx(15 + 40 * 10)]


@pytest.mark.parametrize("equal", [False, True])
def test_steady_time_per_token_is_the_step_over_its_tokens(equal: bool) -> None:
    shape = Shape(
        prompt=500, computed=500, output=101, held=550, batched_tokens=2048,
        tokens_per_step=2.5, positions=4, equal=equal,
    )  # fmt: skip
    alone = closed_loop(Ideal(), shape, 1)
    assert alone.tpot_ms == pytest.approx(4)
    assert 1 / alone.requests_per_ms == pytest.approx(15 + 100 * 4)
    few = open_loop(Ideal(), shape, 1e-6, 100)
    assert few is not None
    assert few.tpot_ms == pytest.approx(4, rel=0.01)


def test_checked_positions_take_room_from_prompts() -> None:
    limits = Limits(sequences=8, batched_tokens=108, kv_tokens=math.inf, positions=4, tokens_per_step=1.0)
    requests = Requests(prompts=[100, 208], outputs=[50, 2], arrivals_ms=[0.0, 1.0])
    trace = run(Ideal(), requests, limits)
    # 8 tokens join the first step, 104 a step stay beside four positions: two more steps.
    assert trace.first[1] == pytest.approx((10 + 1.08) + (10 + 1.04) + (10 + 0.96), abs=0.2)


def test_a_small_cache_delays_and_loses_nothing() -> None:
    requests = Requests(prompts=[300] * 12, outputs=[120] * 12, arrivals_ms=[0.0] * 12)
    wide = Limits(sequences=64, batched_tokens=2048, kv_tokens=math.inf, positions=4, tokens_per_step=1.875)
    tight = run(Ideal(), requests, replace(wide, kv_tokens=1500))
    free = run(Ideal(), requests, wide)
    assert min(tight.finish) > 0
    assert tight.end > free.end
    # 119 tokens after the first in steps of 1.875: 64 of them.
    assert all(last - first >= 64 * 10 for first, last in zip(tight.first, tight.finish, strict=True))


def test_alone_it_is_faster_but_never_than_the_roofline() -> None:
    plain = predict(deployment(), closed(1)).tpot_ms.mean
    weights_gb = 2 * 7.5e9 / 1e9
    for method in ("ngram", "mtp", "eagle3"):
        speculation = guess(method, 3, default_acceptance_rate(method))
        tpot = predict(deployment(speculation=speculation), closed(1)).tpot_ms.mean
        assert tpot < plain
        assert tpot > weights_gb / 3350 * 1e3 / tokens_per_step(speculation)
        assert tpot > plain / tokens_per_step(speculation)


def test_in_a_crowd_poor_guesses_make_it_slower() -> None:
    many = guess("ngram", 5, default_acceptance_rate("ngram"))
    few, crowd = closed(4), closed(256)
    assert predict(deployment(speculation=many), few).tpot_ms.mean < predict(deployment(), few).tpot_ms.mean
    slow, plain = predict(deployment(speculation=many), crowd), predict(deployment(), crowd)
    assert slow.tpot_ms.mean > 1.1 * plain.tpot_ms.mean
    assert slow.output_tokens_per_second < plain.output_tokens_per_second


@pytest.mark.parametrize("concurrency", [1, 64])
def test_a_long_run_agrees_with_the_steady_state(concurrency: int) -> None:
    of = deployment(speculation=guess("eagle3", 3, 0.68))
    steady = predict(of, closed(concurrency))
    played = predict(of, replace(closed(concurrency), num_prompts=12 * concurrency))
    assert played.tpot_ms.mean == pytest.approx(steady.tpot_ms.mean, rel=0.12)


def test_the_range_is_wider_and_the_basis_extrapolated() -> None:
    def spread(of: Deployment) -> float:
        interval = predict(of, closed(8)).range["tpot_ms"]
        return interval.high / interval.low

    own = deployment(speculation=guess("eagle3", 3, 0.68))
    assert predict(deployment(), closed(8)).basis == "measured"
    assert predict(own, closed(8)).basis == "extrapolated"
    assert spread(own) > 1.3 * spread(deployment())


# --- memory and questions without an answer ---


def test_memory_of_what_guesses_is_taken_from_the_cache() -> None:
    """Its weights, then the share that its own keys and values have in what is left."""

    def taken(speculation: Speculation, share: float = 1.0) -> float:
        plain, own = fit(deployment()), fit(deployment(speculation=speculation))
        return plain.kv_cache_gib_per_gpu - own.kv_cache_gib_per_gpu / share

    layer_gib = (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336) * 2 / 2**30
    head_gib = 128256 * 4096 * 2 / 2**30
    assert taken(guess("ngram")) == 0
    assert taken(guess("mtp"), 32 / 33) == pytest.approx(layer_gib, rel=0.01)
    assert taken(guess("eagle3"), 32 / 33) == pytest.approx(layer_gib + head_gib, rel=0.01)
    draft = guess("draft_model", draft="meta-llama/Llama-3.2-1B-Instruct")
    narrow = (32 * 8 * 128) / (32 * 8 * 128 + 16 * 8 * 64)
    assert taken(draft, narrow) == pytest.approx(1.236e9 * 2 / 2**30, rel=0.02)


@pytest.mark.parametrize(
    ("model", "speculation", "said"),
    [
        ("intfloat/multilingual-e5-large-instruct", guess(), "models that generate"),
        (MODEL, guess(rate=1.2), "between 0 and 1"),
        (MODEL, guess(tokens=-1), "start at 0"),
        (MODEL, guess("draft_model"), "comes with its architecture"),
    ],
)
def test_nonsense_is_refused(model: str, speculation: Speculation, said: str) -> None:
    load = Load(input_tokens=100.0, output_tokens=0.0, concurrency=1)
    with pytest.raises(InputError, match=said):
        predict(deployment(model, speculation), load)
