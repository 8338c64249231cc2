"""Model servers under the real KEDA: load, overload, calm, an outage of the metrics, sleep and waking.

What is deployed is what runs: triggers, queries, marks, limits and fallback are the environment's own. Times
alone are shortened, and the address of Prometheus is this machine's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from inferstack.engine.graph import Graph
from tests.cluster.keda import Metrics, missing, run_keda
from tests.cluster.world import SERVING, World, until
from tests.components import builders
from tests.components.running import build, preview
from tests.loopback import free_ports

CHAT, NIGHT = "chat", "night"
PLANS = {
    CHAT: builders.PLAN,
    NIGHT: replace(builders.PLAN, workload=NIGHT, served_model_name=NIGHT, min_replicas=0),
}
QUIET_S = 8
"""Longer than a poll, a sync of the autoscaler and the shortened calm together."""


@dataclass
class Scaled:
    """The environment with its scalers at work."""

    world: World
    metrics: Metrics

    def replicas(self, workload: str) -> int:
        found = self.world.api.get("apps/v1", "Deployment", f"model-{workload}", SERVING)
        return int(found["spec"]["replicas"])

    def load(self, workload: str, *, waiting: float = 0, running: float = 0) -> None:
        """Spread over the pods there are, as the servers would export it."""
        labels = f'namespace="{SERVING}",workload="{workload}",pod="model-{workload}-0"'
        self.metrics.series[f"vllm:num_requests_waiting{{{labels}}}"] = waiting
        self.metrics.series[f"vllm:num_requests_running{{{labels}}}"] = running

    def arrive(self, workload: str, requests: float) -> None:
        """So many more requests have come to the gateway."""
        labels = f'requested_model="{workload}",status_code="200"'
        name = f"litellm_proxy_total_requests_metric_total{{{labels}}}"
        self.metrics.series[name] = self.metrics.series.get(name, 0) + requests

    def silence(self, workload: str) -> None:
        """Its servers are scraped no more."""
        for name in [one for one in self.metrics.series if f'workload="{workload}"' in one]:
            del self.metrics.series[name]

    def reaches(self, workload: str, replicas: int, seconds: float = 60) -> None:
        until(
            lambda: self.replicas(workload) == replicas,
            f"{replicas} of {workload}, not {self.replicas(workload)}",
            seconds,
        )

    def stays(self, workload: str, holds: Callable[[int], bool], seconds: float = QUIET_S) -> None:
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            assert holds(self.replicas(workload)), self.replicas(workload)
            time.sleep(0.2)


@pytest.fixture(scope="module")
def scaled(tmp_path_factory, control_plane_binaries) -> Iterator[Scaled]:
    if reason := missing():
        pytest.skip(reason)
    world = World.start(environment(), tmp_path_factory.mktemp("scaling"), operators=run_keda)
    try:
        (port,) = free_ports(1)
        metrics = Metrics(world.plane, port)
        found = Scaled(world, metrics)
        metrics.live = lambda: available(world)
        for workload in PLANS:
            found.load(workload)
        metrics.start()
        for document in scalers(world):
            world.api.apply(hurried(document, metrics.address))
        world.populate()
        yield found
    finally:
        world.plane.stop()


@pytest.fixture
def at_rest(scaled: Scaled) -> Scaled:
    for workload in PLANS:
        scaled.load(workload)
    scaled.reaches(CHAT, PLANS[CHAT].min_replicas, 90)
    scaled.reaches(NIGHT, 0, 90)
    return scaled


def environment() -> Graph:
    spec = builders.prod().loaded.environment
    served = [(builders.workload(name, plan.model_id), plan) for name, plan in PLANS.items()]
    return preview(build(builders.arguments(spec, builders.EU_ZONES, *served)))


def scalers(world: World) -> list[dict[str, Any]]:
    names = [f"model-{workload}" for workload in PLANS]
    return [world.document("ScaledObject", name) for name in names]


def hurried(document: dict[str, Any], address: str) -> dict[str, Any]:
    """The same scaler, with shorter times."""
    spec = document["spec"]
    spec["pollingInterval"] = 1
    behaviour = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    for direction, policies in behaviour.items():
        policies["stabilizationWindowSeconds"] = 0 if direction == "scaleUp" else 3
        for policy in policies["policies"]:
            policy["periodSeconds"] = 2
    for key in ("cooldownPeriod", "initialCooldownPeriod"):
        if key in spec:
            spec[key] = 5
    for trigger in spec["triggers"]:
        trigger["metadata"]["serverAddress"] = address
        # two scrapes of this Prometheus, where the cluster's needs four of its own
        trigger["metadata"]["query"] = trigger["metadata"]["query"].replace("[2m]", "[8s]")
    return document


def available(world: World) -> dict[str, float]:
    """As kube-state-metrics counts it."""
    found = {}
    for workload in PLANS:
        name = f"model-{workload}"
        status = world.api.get("apps/v1", "Deployment", name, SERVING).get("status", {})
        labels = f'namespace="{SERVING}",deployment="{name}"'
        found[f"kube_deployment_status_replicas_available{{{labels}}}"] = status.get("availableReplicas", 0)
    return found


def test_the_autoscaler_has_the_plans_limits(scaled):
    plan = PLANS[CHAT]
    found = scaled.world.api.get("autoscaling/v2", "HorizontalPodAutoscaler", "keda-hpa-model-chat", SERVING)
    assert (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) == (
        plan.min_replicas,
        plan.max_replicas,
    )
    assert found["spec"]["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "model-chat",
    }


def test_at_rest_there_are_as_few_as_the_plan_allows(at_rest):
    at_rest.stays(CHAT, lambda count: count == PLANS[CHAT].min_replicas)


def test_concurrency_beyond_the_plans_mark_brings_what_carries_it(at_rest):
    at_rest.load(CHAT, running=5 * PLANS[CHAT].scale.concurrency)
    at_rest.reaches(CHAT, 5)
    at_rest.stays(CHAT, lambda count: count == 5)


def test_a_queue_alone_is_enough(at_rest):
    at_rest.load(CHAT, waiting=4 * PLANS[CHAT].scale.waiting)
    at_rest.reaches(CHAT, 4)


def test_no_load_brings_more_than_the_plans_most(at_rest):
    at_rest.load(CHAT, waiting=1000, running=1000)
    at_rest.reaches(CHAT, PLANS[CHAT].max_replicas)
    at_rest.stays(CHAT, lambda count: count == PLANS[CHAT].max_replicas)


def test_calm_takes_them_one_by_one_and_stops_at_the_least(at_rest):
    at_rest.load(CHAT, running=4 * PLANS[CHAT].scale.concurrency)
    at_rest.reaches(CHAT, 4)
    at_rest.load(CHAT)
    seen = [at_rest.replicas(CHAT)]
    while seen[-1] > PLANS[CHAT].min_replicas:
        count = at_rest.replicas(CHAT)
        seen += [count] if count != seen[-1] else []
        time.sleep(0.1)
    assert seen == [4, 3, 2]
    at_rest.stays(CHAT, lambda count: count == 2)


def test_the_load_of_one_model_moves_no_other(at_rest):
    at_rest.load(NIGHT, waiting=500, running=500)
    at_rest.reaches(NIGHT, PLANS[NIGHT].max_replicas)
    at_rest.stays(CHAT, lambda count: count == PLANS[CHAT].min_replicas)


def test_without_metrics_the_planned_fleet_is_held_and_nothing_is_taken(at_rest):
    """A scrape that broke is no calm."""
    planned = PLANS[CHAT].chosen.replicas
    at_rest.load(CHAT, running=6 * PLANS[CHAT].scale.concurrency)
    at_rest.reaches(CHAT, 6)
    at_rest.silence(CHAT)
    at_rest.stays(CHAT, lambda count: count >= 6, 20)
    assert planned <= 6


def test_a_prometheus_that_is_down_is_no_calm(at_rest):
    planned = PLANS[CHAT].chosen.replicas
    at_rest.stays(CHAT, lambda count: count < planned, 1)
    at_rest.metrics.break_down()
    try:
        at_rest.reaches(CHAT, planned)
        at_rest.stays(CHAT, lambda count: count == planned)
    finally:
        at_rest.metrics.serve()


def test_a_request_at_the_gateway_wakes_a_model_that_sleeps(at_rest):
    at_rest.silence(NIGHT)
    at_rest.stays(NIGHT, lambda count: count == 0)
    at_rest.arrive(NIGHT, 1)
    until(lambda: _come(at_rest), "the first replica", 60)
    at_rest.load(NIGHT)
    at_rest.reaches(NIGHT, 0, 90)


def _come(scaled: Scaled) -> bool:
    scaled.arrive(NIGHT, 1)
    return scaled.replicas(NIGHT) >= 1


def test_a_model_at_work_is_not_sent_to_sleep_by_a_broken_scrape(at_rest):
    at_rest.load(NIGHT, running=PLANS[NIGHT].scale.concurrency)
    until(lambda: at_rest.replicas(NIGHT) >= 1, "a replica")
    world = at_rest.world
    name = f'kube_deployment_status_replicas_available{{namespace="{SERVING}",deployment="model-night"}}'
    until(lambda: available(world)[name] >= 1, "it to be up")
    at_rest.silence(NIGHT)
    at_rest.stays(NIGHT, lambda count: count >= 1, 15)
