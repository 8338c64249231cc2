"""The autoscaler's marks: safe for the levels, and at the planned peak they ask for the planned fleet."""

from __future__ import annotations

import functools
import math

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.sizing.plan import plan_workload
from inferstack.sizing.types import WorkloadPlan
from inferstack.spec.load import parse_workload

CATALOG = load_catalog()
SPEC = """
apiVersion: inferstack/v1
kind: Workload
name: w
model: {{id: Qwen/Qwen3-8B, quantization: bf16}}
traffic: {{requestsPerDay: {volume}, inputTokens: {{mean: 500, p95: 1500}}, outputTokens: {{mean: 150, p95: 400}}}}
slo: {{ttftP95: {ttft}, itlP95: 60ms, availability: {availability}}}
data: {{residency: [US]}}
capacity: {{allowInstanceTypes: [g6e.xlarge], replicas: {{min: {least}, max: 60}}}}
"""


@functools.cache
def planned(volume: int, *, least: int = 1, availability: str = "99.5%", ttft: str = "2s") -> WorkloadPlan:
    text = SPEC.format(volume=volume, least=least, availability=availability, ttft=ttft)
    return plan_workload(parse_workload(text), None, CATALOG)


@pytest.mark.parametrize("volume", [2_000, 200_000, 2_000_000, 6_000_000])
def test_at_the_planned_peak_the_marks_ask_for_the_planned_fleet(volume: int) -> None:
    plan = planned(volume)
    in_flight = plan.chosen.at_peak.concurrency * plan.chosen.replicas_serving
    asked = max(plan.min_replicas, math.ceil(in_flight / plan.scale.concurrency))
    spares = plan.chosen.replicas - plan.chosen.replicas_serving
    assert asked >= plan.chosen.replicas - (spares if in_flight < plan.chosen.replicas else 0)
    assert asked <= plan.max_replicas


def test_more_than_the_peak_asks_for_more_than_the_fleet() -> None:
    plan = planned(6_000_000)
    in_flight = plan.chosen.at_peak.concurrency * plan.chosen.replicas_serving
    assert math.ceil(1.3 * in_flight / plan.scale.concurrency) > plan.chosen.replicas


def test_where_the_fleet_never_shrinks_a_replica_may_be_used_fully() -> None:
    free, bound = planned(200_000, least=1), planned(200_000, least=2)
    assert bound.min_replicas == bound.chosen.replicas == free.chosen.replicas == 2
    assert bound.scale.concurrency > free.scale.concurrency
    assert bound.scale.concurrency < bound.chosen.fit.max_num_seqs


def test_a_tighter_level_asks_earlier() -> None:
    tight, loose = planned(200_000, least=2, ttft="400ms"), planned(200_000, least=2, ttft="4s")
    assert tight.chosen.fit == loose.chosen.fit
    assert tight.scale.waiting < loose.scale.waiting
    assert tight.scale.concurrency <= loose.scale.concurrency


def test_the_queue_is_what_half_the_first_token_time_serves() -> None:
    plan = planned(2_000_000)
    assert plan.scale.waiting == max(1, math.floor(plan.chosen.saturated.requests_per_second * 1.0))


def test_arrivals_are_the_peaks_share() -> None:
    plan = planned(2_000_000)
    assert plan.scale.requests_per_second * plan.chosen.replicas == pytest.approx(
        plan.peak_requests_per_second
    )
