"""What the scalers' queries answer against made-up series: load, sleep, and an outage, which is neither."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components import scaling
from inferstack.sizing.types import WorkloadPlan
from tests.components import builders
from tests.promtool.tool import Promtool

pytestmark = pytest.mark.promtool

SCALER = scaling.Scaler(kind="keda", source=scaling.MetricsSource(address="http://prometheus"), gateway=True)
AWAKE = builders.PLAN
ASLEEP = replace(builders.PLAN, min_replicas=0)
GROUPS = replace(builders.group_plan(), min_replicas=0)
MINUTES = 10
NOTHING: list[float] = []


def pod(metric: str, number: int, value: float, workload: str = "chat") -> dict[str, str]:
    labels = f'namespace="llm-serving",workload="{workload}",pod="model-{workload}-{number}"'
    return {"series": f"vllm:{metric}{{{labels}}}", "values": f"{value}x{MINUTES}"}


def available(count: int, name: str = "model-chat") -> dict[str, str]:
    labels = f'namespace="llm-serving",deployment="{name}"'
    return {
        "series": f"kube_deployment_status_replicas_available{{{labels}}}",
        "values": f"{count}x{MINUTES}",
    }


def ready(name: str, value: int) -> dict[str, str]:
    labels = f'namespace="llm-serving",pod="{name}",uid="u",condition="true"'
    return {"series": f"kube_pod_status_ready{{{labels}}}", "values": f"{value}x{MINUTES}"}


def arrivals(model: str, per_minute: int) -> dict[str, str]:
    labels = f'requested_model="{model}",status_code="200"'
    return {
        "series": f"litellm_proxy_total_requests_metric_total{{{labels}}}",
        "values": f"0+{per_minute}x{MINUTES}",
    }


def query(plan: WorkloadPlan, name: str) -> str:
    spec = builders.server_spec(plan)
    (found,) = [item for item in scaling.triggers(spec, SCALER) if item["name"] == name]
    text: str = found["metadata"]["query"]
    return text


def answers(
    promtool: Promtool, folder: Path, expr: str, given: list[dict[str, str]], expected: list[float]
) -> None:
    """At most one sample, without labels, as KEDA reads it; none is an error to KEDA."""
    samples = [{"labels": "{}", "value": value} for value in expected]
    document: dict[str, Any] = {
        "rule_files": [],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": given or [{"series": "other", "values": "1"}],
                "promql_expr_test": [{"expr": expr, "eval_time": f"{MINUTES}m", "exp_samples": samples}],
            }
        ],
    }
    done = promtool.test(document, folder)
    assert done.returncode == 0, done.stdout + done.stderr


LOAD = [
    pod("num_requests_waiting", 0, 3), pod("num_requests_waiting", 1, 4),
    pod("num_requests_running", 0, 10), pod("num_requests_running", 1, 12),
    pod("num_requests_waiting", 0, 100, "other"), pod("num_requests_running", 0, 200, "other"),
    available(2), available(1, "model-other"),
]  # fmt: skip


class TestLoad:
    @pytest.mark.parametrize("plan", [AWAKE, ASLEEP], ids=["awake", "may-sleep"])
    @pytest.mark.parametrize(("name", "expected"), [("waiting", 7), ("in-flight", 29)])
    def test_pods_of_the_workload_and_no_other_are_summed(
        self, promtool: Promtool, tmp_path: Path, plan: WorkloadPlan, name: str, expected: float
    ) -> None:
        answers(promtool, tmp_path, query(plan, name), LOAD, [expected])

    @pytest.mark.parametrize(("name", "expected"), [("waiting", 10), ("in-flight", 66)])
    def test_ranks_of_a_server_are_summed_as_the_mark_is_a_servers(
        self, promtool: Promtool, tmp_path: Path, name: str, expected: float
    ) -> None:
        """Every data-parallel rank reports under its own ``engine``."""
        given = [
            {**one, "series": one["series"].replace("{", f'{{engine="{rank}",')}
            for rank in range(4)
            for one in (pod("num_requests_waiting", 0, rank + 1), pod("num_requests_running", 0, 14))
        ]
        answers(promtool, tmp_path, query(AWAKE, name), given, [expected])

    def test_idle_is_zero(self, promtool: Promtool, tmp_path: Path) -> None:
        given = [pod("num_requests_waiting", 0, 0), pod("num_requests_running", 0, 0), available(1)]
        answers(promtool, tmp_path, query(ASLEEP, "in-flight"), given, [0])


class TestSilence:
    """No answer must never be taken for no load."""

    @pytest.mark.parametrize("name", ["waiting", "in-flight"])
    def test_of_a_workload_that_never_sleeps_is_an_outage(
        self, promtool: Promtool, tmp_path: Path, name: str
    ) -> None:
        answers(promtool, tmp_path, query(AWAKE, name), [available(0)], NOTHING)

    @pytest.mark.parametrize("name", ["waiting", "in-flight"])
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ([available(0)], [0.0]),
            ([available(0), available(3, "model-other")], [0.0]),
            ([available(2)], NOTHING),
            ([], NOTHING),
        ],
        ids=["asleep", "asleep-beside-others", "scrapes-broke", "everything-broke"],
    )
    def test_of_one_that_may_sleep_depends_on_whether_a_server_is_up(
        self, promtool: Promtool, tmp_path: Path, name: str, given: list[Any], expected: list[float]
    ) -> None:
        answers(promtool, tmp_path, query(ASLEEP, name), given, expected)

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ([ready("model-chat-1", 1)], [0.0]),
            ([ready("model-reasoning-0", 0), ready("model-chat-1", 1)], [0.0]),
            ([ready("model-reasoning-0", 1)], NOTHING),
            ([], NOTHING),
        ],
        ids=["asleep", "waking", "scrapes-broke", "everything-broke"],
    )
    def test_of_groups_depends_on_their_leaders(
        self, promtool: Promtool, tmp_path: Path, given: list[Any], expected: list[float]
    ) -> None:
        answers(promtool, tmp_path, query(GROUPS, "waiting"), given, expected)


class TestWaking:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ([], [0.0]),
            ([arrivals("other", 600)], [0.0]),
            ([arrivals("chat", 60), arrivals("other", 600)], [1.0]),
        ],
        ids=["nobody-ever-called", "somebody-elses-calls", "a-call-a-second"],
    )
    def test_calls_for_this_model_wake_it(
        self, promtool: Promtool, tmp_path: Path, given: list[Any], expected: list[float]
    ) -> None:
        answers(promtool, tmp_path, query(ASLEEP, "arrivals"), given, expected)
