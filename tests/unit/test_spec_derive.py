"""Defaults filled in: each stated value wins, each assumption is named."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferstack.spec.defaults import CATALOG_TASKS, DEFAULTS, TASKS
from inferstack.spec.derive import levels_of, residency_of, task_of, traffic_of
from inferstack.spec.environment import Environment
from inferstack.spec.traffic import TraceSummary
from inferstack.spec.workload import Workload

SUMMARY = TraceSummary(
    requests=100,
    duration_s=600,
    peak_to_average=1.7,
    input_mean=90,
    input_p95=200,
    output_mean=10,
    output_p95=30,
)


def workload(traffic: dict | None = None, **changes: object) -> Workload:
    base = {"apiVersion": "inferstack/v1", "kind": "Workload", "name": "chat", "model": "Qwen/Qwen3-8B"}
    return Workload.model_validate({**base, "traffic": traffic or {"requestsPerDay": 86_400}, **changes})


def test_the_shortest_workload_is_resolved_from_its_task_and_says_so():
    resolved = traffic_of(workload(), "chat")
    assert resolved.requests_per_day == 86_400
    assert resolved.peak_to_average == 2
    assert resolved.peak_requests_per_second == 2
    assert (resolved.input_tokens, resolved.output_tokens) == (512, 256)
    assert resolved.input_tokens_p95 == pytest.approx(512 * 3.54)
    assert resolved.tokens_per_day == 86_400 * 768
    assert [note.split(" (")[0] for note in resolved.assumptions] == [
        "input tokens 512, p95 1,812",
        "output tokens 256, p95 548",
        "peak 2 times the average",
    ]


def test_stated_values_are_taken_as_they_are():
    stated = workload(
        {
            "peakRequestsPerSecond": 3,
            "peakToAverage": 3.5,
            "inputTokens": {"mean": 1200, "p95": 4000},
            "outputTokens": {"mean": 250, "p95": 800},
            "sharedPrefix": 0.4,
            "concurrency": 12,
        }
    )
    resolved = traffic_of(stated, "chat")
    assert resolved.peak_requests_per_second == 3
    assert resolved.requests_per_day == pytest.approx(3 / 3.5 * 86_400)
    assert (resolved.input_tokens_p95, resolved.output_tokens_p95) == (4000, 800)
    assert (resolved.shared_prefix, resolved.concurrency) == (0.4, 12)
    assert resolved.assumptions == ()


def test_a_lone_mean_gets_the_spread_of_its_task():
    resolved = traffic_of(workload({"requestsPerDay": 1, "outputTokens": 100}), "code")
    assert (resolved.output_tokens, resolved.output_tokens_p95) == (100, pytest.approx(323))
    assert any(note.startswith("output tokens p95 323") for note in resolved.assumptions)


def test_tokens_per_day_become_requests_of_the_mean_size():
    traffic = {"tokensPerDay": 1e6, "inputTokens": 900, "outputTokens": 100}
    assert traffic_of(workload(traffic), "chat").requests_per_day == 1000


def test_embedding_has_no_answer_tokens_and_its_own_level():
    resolved, levels = traffic_of(workload(), "embed"), levels_of(workload(), "embed")
    assert (resolved.output_tokens, resolved.output_tokens_p95) == (0, 0)
    assert (levels.ttft_p95_ms, levels.itl_p95_ms, levels.e2e_p95_ms) == (None, None, 500)


def test_an_hourly_profile_gives_the_peak():
    profile = [1.0] * 23 + [25.0]
    assert traffic_of(
        workload({"requestsPerDay": 1, "hourly": profile}), "chat"
    ).peak_to_average == pytest.approx(12.5)


def test_a_trace_gives_peak_and_tokens_unless_they_are_stated():
    spec = workload({"requestsPerDay": 1, "trace": "x.csv"})
    traced = spec.model_copy(update={"traffic": spec.traffic.with_observed(SUMMARY, trace="x.csv")})
    resolved = traffic_of(traced, "chat")
    assert (resolved.peak_to_average, resolved.input_tokens, resolved.output_tokens_p95) == (1.7, 90, 30)
    assert resolved.assumptions == ()
    stated = workload({"requestsPerDay": 1, "trace": "x.csv", "inputTokens": {"mean": 5, "p95": 6}})
    both = stated.model_copy(update={"traffic": stated.traffic.with_observed(SUMMARY, trace="x.csv")})
    assert traffic_of(both, "chat").input_tokens == 5


@given(
    st.sampled_from(TASKS),
    st.sampled_from(["requestsPerDay", "tokensPerDay", "peakRequestsPerSecond"]),
    st.floats(min_value=0.001, max_value=1e6),
    st.floats(min_value=1, max_value=100),
)
def test_peak_average_and_day_always_agree(task, volume, amount, ratio):
    resolved = traffic_of(workload({volume: amount, "peakToAverage": ratio}), task)
    assert resolved.peak_requests_per_second == pytest.approx(resolved.requests_per_day * ratio / 86_400)
    assert resolved.peak_requests_per_second > 0
    assert resolved.input_tokens_p95 >= resolved.input_tokens >= 1
    assert resolved.output_tokens_p95 >= resolved.output_tokens >= 0


def test_levels_are_each_as_stated_or_the_tasks():
    levels = levels_of(workload(slo={"ttftP95": "1.5s", "availability": "99.9%"}), "chat")
    assert levels.ttft_p95_ms == 1500
    assert levels.itl_p95_ms == 50
    assert math.isclose(levels.availability, 0.999)
    assert [note.split(" (")[0] for note in levels.assumptions] == ["ITL p95 50 ms"]


def test_without_any_level_all_are_assumed_and_named():
    levels = levels_of(workload(), "rag")
    assert (levels.ttft_p95_ms, levels.itl_p95_ms, levels.e2e_p95_ms) == (1200, 60, None)
    assert levels.availability == 0.995
    assert len(levels.assumptions) == 3


def test_the_task_is_stated_or_the_catalogs_or_chat():
    assert task_of(workload(model={"id": "a/b", "task": "rag"}), "code") == "rag"
    assert task_of(workload(), "embedding") == "embed"
    assert task_of(workload(), "reranker") == "rerank"
    assert task_of(workload(), None) == "chat"
    assert task_of(workload(), "something new") == "chat"


def test_every_task_of_the_catalog_has_one_here_and_every_task_has_defaults():
    from inferstack.catalog.load import load_catalog

    assert {model.task for model in load_catalog().models()} - {None} <= set(CATALOG_TASKS)
    assert set(DEFAULTS) == set(TASKS)
    assert all(preset.source for preset in DEFAULTS.values())


def test_residency_is_the_workloads_or_the_environments():
    cloud = {"account": "123456789012", "region": "eu-central-1"}
    environment = Environment.model_validate(
        {
            "apiVersion": "inferstack/v1",
            "kind": "Environment",
            "name": "x",
            "cloud": cloud,
            "data": {"residency": ["EU"]},
        }
    )
    assert residency_of(workload(), environment) == ("EU",)
    assert residency_of(workload(data={"residency": ["DE"]}), environment) == ("DE",)
