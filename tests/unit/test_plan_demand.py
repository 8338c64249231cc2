"""Demand against predictions, and the replicas it takes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.sizing import need as need_module
from inferstack.sizing.demand import UTILIZATION_CEILING, Demand, Shortfall, Targets, milliseconds, shortfall
from inferstack.sizing.market import MarketQuery, market
from inferstack.sizing.need import Need, TooMany, capacity, need
from inferstack.sizing.options import Option, Settings, options
from inferstack.sizing.subject import subject
from inferstack.sizing.types import Deployment, Load, Percentiles, Prediction

CATALOG = load_catalog()
CAPACITY = 2.0
"""Requests per second that the stand-in engine serves when saturated."""


def demand(rate: float, **targets: float) -> Demand:
    return Demand(
        peak_requests_per_second=rate,
        requests_per_day=rate * 40_000,
        input_tokens=1000,
        input_tokens_p95=3000,
        output_tokens=200,
        output_tokens_p95=600,
        targets=Targets(**targets),
    )


def flat(value: float) -> Percentiles:
    return Percentiles(mean=value, p50=value, p95=value, p99=value)


def queue(deployment: Deployment, load: Load, replicas: int = 1) -> Prediction:
    """A textbook queue: 100 ms of work per request, waiting as in M/M/1."""
    del deployment
    assert load.request_rate is not None
    rate = min(load.request_rate / replicas, CAPACITY)
    use = rate / CAPACITY
    ttft = 100 / max(1 - use, 1e-3)
    return Prediction(
        output_tokens_per_second=rate * 200 * replicas,
        total_tokens_per_second=rate * 1200 * replicas,
        requests_per_second=rate * replicas,
        ttft_ms=flat(ttft),
        tpot_ms=flat(20),
        e2e_ms=flat(ttft + 4000),
        concurrency=rate * 4,
        utilization=use,
        basis="measured",
        saturated=use >= 1,
    )


@pytest.fixture
def option(monkeypatch: pytest.MonkeyPatch) -> Option:
    monkeypatch.setattr(need_module, "predict", queue)
    model = subject(CATALOG, "Qwen/Qwen3-8B", None, "auto")
    stock = next(s for s in market(CATALOG, MarketQuery(regions=("us-east-1",))).stocks if s.gpu_id == "L40S")
    return options(model, model.weights[0], stock, Settings(max_model_len=8192)).fitting[0]


def found_for(option: Option, asked: Demand, usable: Callable[[int], bool]) -> Need | Shortfall | TooMany:
    saturated = capacity(option, asked)
    assert isinstance(saturated, Prediction)
    return need(option, asked, saturated, usable)


def anything(_serving: int) -> bool:
    return True


@pytest.mark.parametrize(("rate", "serving"), [(0.1, 1), (1.7, 1), (1.8, 2), (17, 10), (100, 59)])
def test_replicas_keep_use_below_the_ceiling(option: Option, rate: float, serving: int) -> None:
    found = found_for(option, demand(rate), anything)
    assert isinstance(found, Need)
    assert found.serving == serving
    assert found.at_peak.utilization <= UTILIZATION_CEILING


def test_replicas_grow_until_the_latency_holds(option: Option) -> None:
    found = found_for(option, demand(10, ttft_ms=150), anything)  # 100 / (1 - use) <= 150 needs use <= 1/3
    assert isinstance(found, Need)
    assert found.serving == 15


def test_the_count_is_the_smallest_that_holds(option: Option) -> None:
    for target in (110, 130, 200, 400):
        found = found_for(option, demand(10, ttft_ms=target), anything)
        assert isinstance(found, Need)
        fewer = queue(option.deployment, demand(10).load(), found.serving - 1)
        assert fewer.ttft_ms.p95 > target or fewer.utilization > UTILIZATION_CEILING


def test_a_level_that_an_idle_engine_misses_is_a_shortfall(option: Option) -> None:
    found = found_for(option, demand(1, itl_ms=10), anything)
    assert not isinstance(found, Need | TooMany)
    assert found.factor == pytest.approx(2.0)
    assert found.reason == "ITL p95 20 ms > 10 ms"


def test_the_search_stops_at_the_first_count_that_cannot_be_used(option: Option) -> None:
    assert found_for(option, demand(100), lambda serving: serving < 20) == TooMany(59)
    stopped = found_for(option, demand(10, ttft_ms=103), lambda serving: serving < 20)
    assert isinstance(stopped, TooMany)
    assert stopped.serving >= 20


def test_kv_must_hold_what_is_in_flight_at_long_lengths(option: Option) -> None:
    prediction = queue(option.deployment, demand(1.0).load())  # 4 in flight, 3,600 tokens each
    roomy = dataclasses.replace(option.fit, kv_cache_tokens=20_000)
    tight = dataclasses.replace(option.fit, kv_cache_tokens=10_000)
    assert shortfall(demand(1.0), prediction, roomy, 1) is None
    missed = shortfall(demand(1.0), prediction, tight, 1)
    assert missed is not None
    assert "KV tokens" in missed.reason
    known = dataclasses.replace(demand(1.0), concurrency=40)
    assert shortfall(known, prediction, roomy, 1) is not None
    assert shortfall(known, prediction, roomy, 10) is None


def test_the_worst_miss_is_reported() -> None:
    prediction = dataclasses.replace(
        queue(None, demand(1.0).load()),  # type: ignore[arg-type] # the stand-in ignores it
        ttft_ms=flat(2000),
    )
    found = shortfall(demand(1.0, ttft_ms=1000, itl_ms=19), prediction, _fit_without_kv(), 1)
    assert found is not None
    assert found.reason == "TTFT p95 2.00 s > 1.00 s"


def _fit_without_kv():  # type: ignore[no-untyped-def] # a stand-in that only needs one field
    class Stand:
        kv_cache_tokens = 0

    return Stand()


def test_milliseconds_turn_into_seconds() -> None:
    assert [milliseconds(v) for v in (41.4, 999.4, 999.6, 1250)] == ["41 ms", "999 ms", "1.00 s", "1.25 s"]


def test_demand_loads() -> None:
    asked = demand(3.0)
    assert asked.load(share=0.5).request_rate == 1.5
    assert asked.saturating_load().request_rate == math.inf
    assert asked.tokens_per_day == 3.0 * 40_000 * 1200
