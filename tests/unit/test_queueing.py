"""The closed forms of continuous batching, against sums done by hand with steps of known length."""

from __future__ import annotations

import pytest

from inferstack.sizing.batch_limits import Limits
from inferstack.sizing.batching import Requests, run
from inferstack.sizing.queueing import Shape, closed_loop, open_loop
from tests.ideal_steps import Ideal


def shape(prompt: float, output: float, *, batched_tokens: int = 2048, equal: bool = False) -> Shape:
    return Shape(
        prompt=prompt,
        computed=prompt,
        output=output,
        held=prompt + output / 2,
        batched_tokens=batched_tokens,
        equal=equal,
    )


@pytest.mark.parametrize("equal", [False, True])
def test_one_alone_never_shares_a_step_with_a_prompt(equal: bool) -> None:
    found = closed_loop(Ideal(decode_ms=0.1), shape(500, 101, equal=equal), 1)
    assert found.tpot_ms == pytest.approx(10.1)
    assert found.ttft_ms == pytest.approx(15)
    assert 1 / found.requests_per_ms == pytest.approx(15 + 100 * 10.1)


def test_prompt_of_one_alone_takes_whole_steps() -> None:
    found = closed_loop(Ideal(decode_ms=0.1), shape(2500, 1), 1)
    assert found.ttft_ms == pytest.approx((10 + 20.48) + (10 + 4.52))


def test_equal_requests_move_in_step() -> None:
    found = closed_loop(Ideal(decode_ms=0.1), shape(200, 5, equal=True), 10)
    assert 10 / found.requests_per_ms == pytest.approx((10 + 20) + 4 * 11)
    assert found.tpot_ms == pytest.approx(11)


def test_time_away_is_lost_only_while_the_engine_has_room() -> None:
    idle, busy = shape(200, 5, equal=True), shape(2000, 2, equal=True)
    assert 1 / closed_loop(Ideal(decode_ms=0.1), idle, 1, 50).requests_per_ms == pytest.approx(
        12 + 4 * 10.1 + 50
    )
    full = closed_loop(Ideal(decode_ms=0.1), busy, 200)
    assert closed_loop(Ideal(decode_ms=0.1), busy, 200, 50).requests_per_ms == pytest.approx(
        full.requests_per_ms
    )


def test_prompts_are_the_limit_however_many_wait() -> None:
    few, many = (closed_loop(Ideal(decode_ms=0.1), shape(1000, 20), running) for running in (100, 400))
    assert many.requests_per_ms == pytest.approx(few.requests_per_ms, rel=1e-3)
    assert many.tpot_ms == pytest.approx(few.tpot_ms, rel=1e-3)
    assert many.ttft_ms > 4 * few.ttft_ms


def test_nearly_idle_open_loop_is_one_alone() -> None:
    found = open_loop(Ideal(decode_ms=0.1), shape(500, 101), 1e-7, 256)
    assert found is not None
    assert (found.ttft_ms, found.tpot_ms) == (pytest.approx(15, rel=1e-3), pytest.approx(10.1, rel=1e-3))


def test_one_token_answers_wait_for_the_step_under_way() -> None:
    idle, busy = (open_loop(Ideal(decode_ms=0.1), shape(3, 1), rate, 256) for rate in (1e-6, 5.0))
    assert idle is not None
    assert busy is not None
    assert idle.ttft_ms == pytest.approx(10.03, rel=1e-3)
    assert busy.ttft_ms == pytest.approx(1.5 * 11.8, rel=0.05)  # half a step, then its own with 59 others


def test_open_loop_that_cannot_keep_up_is_none() -> None:
    most = closed_loop(Ideal(decode_ms=0.1), shape(500, 101), 256).requests_per_ms
    assert open_loop(Ideal(decode_ms=0.1), shape(500, 101), 1.05 * most, 256) is None
    assert open_loop(Ideal(decode_ms=0.1), shape(500, 101), 0.9 * most, 256) is not None


def test_client_comes_back_after_its_time_away() -> None:
    requests = Requests(prompts=[100, 100, 100], outputs=[3, 3, 3], concurrency=1, away_ms=40.0)
    limits = Limits(sequences=8, batched_tokens=1000, kv_tokens=10_000)
    trace = run(Ideal(decode_ms=0.1), requests, limits)
    for before, after in zip(trace.finish, trace.arrival[1:], strict=False):
        assert after == pytest.approx(before + 40)
    assert trace.end == pytest.approx(3 * (11 + 2 * 10.1) + 2 * 40)
