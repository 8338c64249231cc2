"""Workload and Environment: defaults, strictness, rules between fields."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from pydantic import ValidationError

from inferstack.spec.environment import Environment
from inferstack.spec.workload import Workload

HEAD = {"apiVersion": "inferstack/v1", "name": "chat"}
WORKLOAD = {**HEAD, "kind": "Workload", "model": "Qwen/Qwen3-8B", "traffic": {"requestsPerDay": 1000}}
CLOUD = {"account": "123456789012", "region": "eu-central-1"}
ENVIRONMENT = {**HEAD, "kind": "Environment", "cloud": CLOUD}


def workload(**changes: object) -> Workload:
    return Workload.model_validate(WORKLOAD | changes)


def environment(**changes: object) -> Environment:
    return Environment.model_validate(ENVIRONMENT | changes)


def conflict(build: object, **changes: object) -> str:
    with pytest.raises(ValidationError) as caught:
        build(**changes)
    (error,) = caught.value.errors()
    assert error["type"] == "spec_conflict"
    return error["msg"]


def test_the_shortest_workload_has_stated_defaults():
    shortest = workload()
    assert shortest.model.id == "Qwen/Qwen3-8B"
    assert shortest.model.quantization == "auto"
    assert shortest.traffic.requests_per_day == 1000
    assert shortest.traffic.peak_to_average is None
    assert shortest.slo.ttft_p95 is None
    assert shortest.data.classification == "internal"
    assert shortest.usage.commercial is True
    assert shortest.usage.eu_users is None
    assert shortest.capacity.purchase == ("on-demand",)
    assert shortest.capacity.replicas.min is None
    assert shortest.rollout.steps == (5, 25, 50, 100)
    assert shortest.fallback == ()
    assert shortest.budget is None


def test_the_shortest_environment_is_private_and_protected():
    shortest = environment()
    assert shortest.cloud.zones == 3
    assert shortest.network.private
    assert shortest.network.interface_endpoints
    assert shortest.cluster.endpoint == "private"
    assert shortest.cluster.deletion_protection
    assert shortest.policy.strict
    assert shortest.policy.level == "mandatory"
    assert shortest.monitoring.retention == dt.timedelta(days=15)
    assert shortest.monitoring.sampling == 0.01
    assert shortest.gateway is None
    assert shortest.workloads == "workloads/"


def test_values_become_exact_types():
    full = workload(
        slo={"ttftP95": "1s", "itlP95": "60ms", "availability": "99.9%"},
        budget={"monthlyUsd": 45000.10},
        traffic={"peakRequestsPerSecond": 3, "inputTokens": {"mean": 1200, "p95": 4000}, "outputTokens": 250},
    )
    assert full.slo.ttft_p95 == dt.timedelta(seconds=1)
    assert full.slo.itl_p95 == dt.timedelta(milliseconds=60)
    assert full.slo.availability == pytest.approx(0.999)
    assert full.budget is not None
    assert full.budget.monthly_usd == Decimal("45000.1")
    assert full.traffic.output_tokens is not None
    assert full.traffic.output_tokens.mean == 250


def test_interface_endpoints_follow_private_unless_stated():
    assert not environment(network={"private": False}).network.interface_endpoints
    assert environment(network={"private": False, "interfaceEndpoints": True}).network.interface_endpoints
    assert not environment(network={"interfaceEndpoints": False}).network.interface_endpoints


def test_models_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        workload().name = "other"


def test_python_names_build_the_same_value():
    by_name = workload(cost_centre="cc-1", traffic={"requests_per_day": 1000})
    assert by_name == workload(costCentre="cc-1")


def test_a_dump_with_aliases_is_a_spec_again():
    full = workload(
        slo={"ttftP95": "1s", "availability": "99.9%"},
        rollout={"strategy": "canary", "abortOn": {"errorRate": "2%"}},
        capacity={"replicas": {"min": 1, "max": 3}, "zones": ["euc1-az1"]},
        serving={"vllm": {"speculative-config": {"method": "ngram", "num": [1, 2]}}},
    )
    dumped = full.model_dump(by_alias=True, exclude_unset=True)
    assert dumped["slo"] == {"ttftP95": "1s", "availability": "99.9%"}
    assert Workload.model_validate(dumped) == full


@pytest.mark.parametrize(
    "changes",
    [
        {"unknown": 1},
        {"model": {"id": "Qwen/Qwen3-8B", "hf_confg": "x"}},
        {"name": 7},
        {"traffic": {"requestsPerDay": "1000"}},
        {"traffic": {"requestsPerDay": True}},
        {"usage": {"commercial": "true"}},
        {"usage": {"commercial": 1}},
        {"capacity": {"replicas": {"min": 1.0}}},
        {"capacity": {"purchase": "spot"}},
        {"kind": "Environment"},
    ],
)
def test_nothing_is_converted_and_nothing_unknown_passes(changes):
    with pytest.raises(ValidationError):
        workload(**changes)


def test_the_second_spelling_of_revenue_is_the_same_field():
    assert workload(usage={"annualRevenue": 5}).usage.annual_revenue_usd == Decimal(5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"traffic": {"requestsPerDay": 1, "tokensPerDay": 1}}, "say the same thing twice"),
        ({"traffic": {"sharedPrefix": 0.1}}, "no volume is given"),
        ({"traffic": {"requestsPerDay": 1, "hourly": [1.0] * 24, "peakToAverage": 2}}, "twice"),
        ({"traffic": {"requestsPerDay": 1, "hourly": [1.0] * 23}}, "23 values"),
        ({"traffic": {"requestsPerDay": 1, "hourly": [0] * 24}}, "all zero"),
        ({"traffic": {"requestsPerDay": 1, "inputTokens": 0}}, "at least one prompt token"),
        ({"traffic": {"requestsPerDay": 1, "inputTokens": {"mean": 9, "p95": 8}}}, "below the mean"),
        ({"slo": {"ttftP95": "2s", "e2eP95": "1s"}}, "first token"),
        ({"slo": {"availability": "20%"}}, "one region"),
        ({"capacity": {"replicas": {"min": 3, "max": 2}}}, "above max"),
        ({"capacity": {"allowInstanceTypes": ["a.b"], "denyInstanceTypes": ["a.b"]}}, "allowed and denied"),
        ({"capacity": {"purchase": ["capacity-block"]}}, "needs reservationId"),
        ({"capacity": {"purchase": ["capacity-block"], "reservationId": "cr-01234567"}}, "in advance"),
        ({"rollout": {"strategy": "canary", "steps": [50, 50, 100]}}, "do not rise"),
        ({"rollout": {"strategy": "canary", "steps": [50]}}, "do not rise"),
        ({"rollout": {"strategy": "canary", "steps": []}}, "do not rise"),
        ({"rollout": {"steps": [100]}}, "no meaning"),
        ({"model": {"task": "chat"}}, "names no model"),
        ({"usage": {"annualRevenue": 1, "annualRevenueUsd": 1}}, "stated twice"),
    ],
)
def test_impossible_workloads_are_told_why(changes, said):
    assert said in conflict(workload, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network": {"nat": "none", "private": False}}, "no node can join"),
        ({"cluster": {"endpoint": "public"}}, "needs the networks"),
        ({"cluster": {"publicAccessCidrs": ["10.0.0.0/8"]}}, "no effect"),
        ({"cluster": {"endpoint": "public", "publicAccessCidrs": ["0.0.0.0/0"]}}, "opens the API server"),
        ({"cluster": {"endpoint": "public", "publicAccessCidrs": ["::/0"]}}, "opens the API server"),
        ({"modelStore": {"bucket": "abc", "existingBucket": "abd"}}, "two buckets"),
        ({"cloud": CLOUD | {"zones": ["euc1-az1", "euc1-az1"]}}, "stands twice"),
        (
            {"gateway": {"host": "a.b", "tls": "none", "certificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/x"}},
            "without TLS",
        ),
        (
            {"gateway": {"host": "a.b", "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/x"}},
            "another region",
        ),
    ],
)  # fmt: skip
def test_impossible_environments_are_told_why(changes, said):
    assert said in conflict(environment, **changes)


def test_an_open_endpoint_needs_an_explicit_word():
    cluster = {"endpoint": "public", "publicAccessCidrs": ["0.0.0.0/0"], "openToInternet": True}
    assert environment(cluster=cluster).cluster.public_access_cidrs == ("0.0.0.0/0",)


def test_nat_free_networks_are_fine_with_endpoints():
    mirror = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/mirror"
    assert environment(network={"nat": "none"}, registry=mirror).network.nat == "none"


def test_zones_are_a_count_or_ids():
    assert environment(cloud=CLOUD | {"zones": 2}).cloud.zone_count == 2
    assert environment(cloud=CLOUD | {"zones": ["euc1-az1"]}).cloud.zone_count == 1


@pytest.mark.parametrize("zones", [0, 4, [], ["euc1-az1"] * 4, "all", 2.0, True])
def test_other_zones_are_refused(zones):
    with pytest.raises(ValidationError):
        environment(cloud=CLOUD | {"zones": zones})


@pytest.mark.parametrize("tags", [{"aws:x": "1"}, {"AWS:x": "1"}, {"a": 1}, {"": "x"}, {"é": "x"}])
def test_tags_follow_aws_rules(tags):
    with pytest.raises(ValidationError):
        environment(tags=tags)
