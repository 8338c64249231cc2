"""The rules of an example environment against made-up series: what fires, and what stays silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.example_graphs import graph
from tests.promtool.tool import Promtool

pytestmark = pytest.mark.promtool

ENVIRONMENT = "prod-eu"
WORKLOAD = "support-chat"
POD = f'namespace="llm-serving",workload="{WORKLOAD}",pod="model-{WORKLOAD}-0"'
PER_MINUTE = 100
"""Requests a minute in the made-up series."""


def groups(environment: str = ENVIRONMENT) -> dict[str, list[dict[str, Any]]]:
    found = [item for item in graph(environment) if item.type.endswith(":PrometheusRule")]
    document = yaml.safe_load(yaml.safe_dump(found[0].inputs["spec"]))
    return {group["name"]: group["rules"] for group in document["groups"]}


def series(name: str, labels: str, values: str) -> dict[str, str]:
    return {"series": f"{name}{{{labels}}}", "values": values}


def fires(rules: Sequence[Mapping[str, Any]], name: str, *severities: str, **labels: str) -> dict[str, Any]:
    """The alert as it must be seen, once for each severity; none: silence."""
    wanted = [
        rule for rule in rules if rule.get("alert") == name and rule["labels"]["severity"] in severities
    ]
    assert len(wanted) == len(severities), f"no rule {name}"
    return {
        "alertname": name,
        "exp_alerts": [
            {
                "exp_labels": {**labels, **{k: v for k, v in rule["labels"].items() if v}},
                "exp_annotations": rule["annotations"],
            }
            for rule in wanted
        ],
    }


def judge(
    promtool: Promtool,
    folder: Path,
    group: str,
    *,
    given: list[dict[str, str]],
    at: str,
    expect: Sequence[dict[str, Any]] = (),
    asks: Sequence[dict[str, Any]] = (),
    environment: str = ENVIRONMENT,
) -> None:
    rules = groups(environment)[group]
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": group, "rules": rules}]}))
    test = {
        "interval": "1m",
        "input_series": given,
        "alert_rule_test": [{"eval_time": at, **item} for item in expect],
        "promql_expr_test": [{"eval_time": at, **item} for item in asks],
    }
    document = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
    done = promtool.test(document, folder)
    assert done.returncode == 0, done.stdout + done.stderr


def first_tokens(within_per_minute: int, minutes: int) -> list[dict[str, str]]:
    name = "vllm:time_to_first_token_seconds"
    return [
        series(f"{name}_bucket", f'{POD},le="1.0"', f"0+{within_per_minute}x{minutes}"),
        series(f"{name}_count", POD, f"0+{PER_MINUTE}x{minutes}"),
    ]


RULES = f"inferstack.{WORKLOAD}"


class TestBurnRates:
    """Promised: 95 of 100 first tokens within a second."""

    def check(
        self, promtool: Promtool, folder: Path, within: int, at_minutes: int, severities: Sequence[str]
    ) -> None:
        expected = fires(groups()[RULES], "ModelTtftBurn", *severities, slo="ttft")
        given = first_tokens(within, at_minutes)
        judge(promtool, folder, RULES, given=given, at=f"{at_minutes}m", expect=[expected])

    def test_nine_of_ten_late_pages_within_the_hour(self, promtool: Promtool, tmp_path: Path) -> None:
        self.check(promtool, tmp_path, within=10, at_minutes=70, severities=["critical", "warning"])

    def test_what_was_promised_is_silent(self, promtool: Promtool, tmp_path: Path) -> None:
        self.check(promtool, tmp_path, within=96, at_minutes=70, severities=[])

    def test_a_slow_burn_is_a_ticket_and_no_page(self, promtool: Promtool, tmp_path: Path) -> None:
        # 20 of 100 late: four times the budget
        self.check(promtool, tmp_path, within=80, at_minutes=25 * 60, severities=["warning"])

    def test_a_good_day_is_silent(self, promtool: Promtool, tmp_path: Path) -> None:
        self.check(promtool, tmp_path, within=97, at_minutes=25 * 60, severities=[])

    def test_a_page_ends_soon_after_its_cause(self, promtool: Promtool, tmp_path: Path) -> None:
        """An hour all late, ten minutes all in time: the hour still looks bad, the last minutes do not."""
        name = "vllm:time_to_first_token_seconds"
        given = [
            series(f"{name}_bucket", f'{POD},le="1.0"', f"0x60 {PER_MINUTE}+{PER_MINUTE}x60"),
            series(f"{name}_count", POD, f"0+{PER_MINUTE}x120"),
        ]
        rules = groups()[RULES]
        both = fires(rules, "ModelTtftBurn", "critical", "warning", slo="ttft")
        ticket = fires(rules, "ModelTtftBurn", "warning", slo="ttft")
        judge(promtool, tmp_path, RULES, given=given, at="58m", expect=[both])
        judge(promtool, tmp_path, RULES, given=given, at="100m", expect=[ticket])

    @pytest.mark.parametrize(("bad", "severities"), [(3, ["critical", "warning"]), (0, [])])
    def test_availability_counts_server_errors_at_the_gateway(
        self, promtool: Promtool, tmp_path: Path, bad: int, severities: list[str]
    ) -> None:
        name, model = "litellm_proxy_total_requests_metric_total", f'requested_model="{WORKLOAD}"'
        given = [
            series(name, f'{model},status_code="200"', f"0+{PER_MINUTE}x70"),
            series(name, f'{model},status_code="429"', "0+50x70"),
            series(name, f'{model},status_code="503"', f"0+{bad}x70"),
        ]
        expected = fires(groups()[RULES], "ModelAvailabilityBurn", *severities, slo="availability")
        judge(promtool, tmp_path, RULES, given=given, at="70m", expect=[expected])

    def test_availability_of_a_gateway_that_never_failed_is_whole(
        self, promtool: Promtool, tmp_path: Path
    ) -> None:
        """The series of errors does not exist before the first: the ratio must be zero, not missing."""
        name, model = "litellm_proxy_total_requests_metric_total", f'requested_model="{WORKLOAD}"'
        ask = {
            "expr": 'inferstack:slo_errors:ratio_rate1h{slo="availability"}',
            "exp_samples": [
                {
                    "labels": f'inferstack:slo_errors:ratio_rate1h{{slo="availability",workload="{WORKLOAD}"}}',
                    "value": 0,
                }
            ],
        }
        given = [series(name, f'{model},status_code="200"', f"0+{PER_MINUTE}x70")]
        judge(promtool, tmp_path, RULES, given=given, at="70m", asks=[ask])


class TestPresence:
    def test_no_series_at_all_is_an_alert(self, promtool: Promtool, tmp_path: Path) -> None:
        expected = fires(
            groups()[RULES], "ModelTargetsDown", "critical", namespace="llm-serving", workload=WORKLOAD
        )
        judge(promtool, tmp_path, RULES, given=[], at="30m", expect=[expected])

    def test_targets_that_are_up_are_silent(self, promtool: Promtool, tmp_path: Path) -> None:
        rules = groups()[RULES]
        expected = [fires(rules, "ModelTargetsDown"), fires(rules, "ModelMetricsMissing")]
        given = [series("up", POD, "1x30"), series("vllm:num_requests_running", POD, "0x30")]
        judge(promtool, tmp_path, RULES, given=given, at="30m", expect=expected)

    def test_renamed_metrics_are_noticed(self, promtool: Promtool, tmp_path: Path) -> None:
        expected = fires(groups()[RULES], "ModelMetricsMissing", "warning")
        given = [series("up", POD, "1x30"), series("vllm:num_running_requests", POD, "0x30")]
        judge(promtool, tmp_path, RULES, given=given, at="30m", expect=[expected])

    @pytest.mark.parametrize(
        ("group", "name", "labels"),
        [
            ("inferstack.gateway", "GatewayDown", {"namespace": "llm-gateway"}),
            ("inferstack.monitoring", "ClusterStateMissing", {}),
        ],
    )
    def test_shared_parts_are_missed_too(
        self, promtool: Promtool, tmp_path: Path, group: str, name: str, labels: dict[str, str]
    ) -> None:
        expected = fires(groups()[group], name, "critical", **labels)
        judge(promtool, tmp_path, group, given=[], at="30m", expect=[expected])

    def test_gpu_nodes_without_gpu_metrics_are_noticed(self, promtool: Promtool, tmp_path: Path) -> None:
        node = series("kube_node_labels", f'node="n",label_inferstack_dev_workload="{WORKLOAD}"', "1x30")
        temperature = series("DCGM_FI_DEV_GPU_TEMP", 'Hostname="n",gpu="0"', "40x30")
        rules = groups()["inferstack.gpus"]
        missing, silent = (
            fires(rules, "GpuMetricsMissing", "warning"),
            fires(rules, "GpuMetricsMissing"),
        )
        judge(promtool, tmp_path, "inferstack.gpus", given=[node], at="30m", expect=[missing])
        judge(promtool, tmp_path, "inferstack.gpus", given=[node, temperature], at="30m", expect=[silent])


class TestFailures:
    def test_a_stuck_queue_is_told_from_a_busy_one(self, promtool: Promtool, tmp_path: Path) -> None:
        rules = groups()[RULES]
        waiting = series("vllm:num_requests_waiting", POD, "3x20")
        done = series("vllm:request_success_total", f'{POD},finished_reason="stop"', "7x20")
        stuck = series("vllm:generation_tokens_total", POD, "500x20")
        busy = series("vllm:generation_tokens_total", POD, "500+50x20")
        for tokens, severities in ((stuck, ["critical"]), (busy, [])):
            expected = fires(rules, "ModelQueueStuck", *severities)
            judge(promtool, tmp_path, RULES, given=[waiting, done, tokens], at="20m", expect=[expected])

    @pytest.mark.parametrize(("xid", "severities"), [(79, ["critical"]), (13, []), (0, [])])
    def test_hardware_xids_page_and_program_xids_do_not(
        self, promtool: Promtool, tmp_path: Path, xid: int, severities: list[str]
    ) -> None:
        group = "inferstack.gpus"
        expected = fires(groups()[group], "GpuXidError", *severities, Hostname="n", gpu="0")
        given = [series("DCGM_FI_DEV_XID_ERRORS", 'Hostname="n",gpu="0",pod="p"', f"0x5 {xid}x10")]
        judge(promtool, tmp_path, group, given=given, at="14m", expect=[expected])

    def test_a_kill_for_memory_is_told_from_other_restarts(self, promtool: Promtool, tmp_path: Path) -> None:
        rules = groups()[RULES]
        where = f'namespace="llm-serving",pod="model-{WORKLOAD}-0",container="vllm",uid="u"'
        labels = {
            "namespace": "llm-serving",
            "pod": f"model-{WORKLOAD}-0",
            "container": "vllm",
            "uid": "u",
        }
        restarts = series("kube_pod_container_status_restarts_total", where, "0+1x60")
        for reason, severities in (("OOMKilled", ["critical"]), ("Error", [])):
            last = series(
                "kube_pod_container_status_last_terminated_reason", f'{where},reason="{reason}"', "1x60"
            )
            expected = [
                fires(rules, "ModelOomLoop", *severities, **labels),
                fires(rules, "ModelRestarts", "critical", **labels),
            ]
            judge(promtool, tmp_path, RULES, given=[restarts, last], at="30m", expect=expected)

    def test_a_cold_start_is_slow_only_while_it_never_ended(self, promtool: Promtool, tmp_path: Path) -> None:
        where = f'namespace="llm-serving",pod="model-{WORKLOAD}-0",uid="u"'
        created = series("kube_pod_created", where, "0x60")
        running = series("kube_pod_status_phase", f'{where},phase="Running"', "1x60")
        labels = {"namespace": "llm-serving", "pod": f"model-{WORKLOAD}-0", "uid": "u"}
        ready = f'{where},condition="true"'
        for values, severities in (("0x60", ["warning"]), ("0x5 1x5 0x50", [])):
            given = [created, running, series("kube_pod_status_ready", ready, values)]
            expected = fires(groups()[RULES], "ModelColdStartSlow", *severities, **labels)
            judge(promtool, tmp_path, RULES, given=given, at="45m", expect=[expected])

    def test_fallbacks_cost_money_from_a_tenth_on(self, promtool: Promtool, tmp_path: Path) -> None:
        group = "inferstack.gateway"
        total = series(
            "litellm_proxy_total_requests_metric_total",
            'requested_model="m",status_code="200"',
            f"0+{PER_MINUTE}x60",
        )
        for each, severities in ((20, ["warning"]), (5, [])):
            fell = series(
                "litellm_deployment_successful_fallbacks_total",
                'requested_model="m",fallback_model="f"',
                f"0+{each}x60",
            )
            expected = fires(groups()[group], "GatewayFallbackShare", *severities)
            judge(promtool, tmp_path, group, given=[total, fell], at="60m", expect=[expected])

    @pytest.mark.parametrize(
        ("name", "container", "severity"),
        [("RouterDown", "envoy", "critical"), ("RouterPickerDown", "picker", "warning")],
    )
    @pytest.mark.parametrize(("values", "silent"), [("1x30", True), ("1x5 0x25", False), (None, False)])
    def test_a_router_that_is_gone_is_noticed(
        self,
        promtool: Promtool,
        tmp_path: Path,
        name: str,
        container: str,
        severity: str,
        values: str | None,
        silent: bool,
    ) -> None:
        labels = f'namespace="llm-serving",router="{WORKLOAD}",container="{container}"'
        given = [series("up", f'{labels},pod="p"', values)] if values else []
        seen = {} if values else {"namespace": "llm-serving", "router": WORKLOAD, "container": container}
        expected = fires(groups()[RULES], name, *([] if silent else [severity]), **seen)
        judge(promtool, tmp_path, RULES, given=given, at="30m", expect=[expected])

    def test_requests_without_a_choice_are_noticed(self, promtool: Promtool, tmp_path: Path) -> None:
        where = f'namespace="llm-serving",router="{WORKLOAD}",pod="p"'
        entry = f'{where},envoy_http_conn_manager_prefix="entry"'
        total = series("envoy_http_downstream_rq_completed", entry, f"0+{PER_MINUTE}x60")
        for each, severities in ((20, ["warning"]), (2, []), (0, [])):
            model = f'{where},envoy_cluster_name="model"'
            again = series("envoy_cluster_upstream_rq_retry", model, f"0+{each}x60")
            expected = fires(groups()[RULES], "RouterNotChosen", *severities)
            judge(promtool, tmp_path, RULES, given=[total, again], at="60m", expect=[expected])

    def test_a_picker_that_sees_no_replica_is_told_from_a_fleet_that_sleeps(
        self, promtool: Promtool, tmp_path: Path
    ) -> None:
        where = f'namespace="llm-serving",router="{WORKLOAD}",pod="picker",name="model-{WORKLOAD}"'
        for ready, replicas, severities in ((0, 2, ["warning"]), (0, 0, []), (2, 2, [])):
            given = [series("llm_d_epp_ready_endpoints", where, f"{ready}x30")]
            given += [series("up", POD, "1x30")] if replicas else []
            expected = fires(groups()[RULES], "RouterSeesNoReplica", *severities)
            judge(promtool, tmp_path, RULES, given=given, at="30m", expect=[expected])

    def test_spot_nodes_that_are_drained_are_reported(self, promtool: Promtool, tmp_path: Path) -> None:
        (group,) = [
            name
            for name in groups("dev")
            if any(rule.get("alert") == "ModelSpotReclaimed" for rule in groups("dev")[name])
        ]
        workload = group.removeprefix("inferstack.")
        node = series("kube_node_labels", f'node="n",label_inferstack_dev_workload="{workload}"', "1x30")
        for cordoned, severities in ((1, ["warning"]), (0, [])):
            drained = series("kube_node_spec_unschedulable", 'node="n"', f"{cordoned}x30")
            expected = fires(groups("dev")[group], "ModelSpotReclaimed", *severities)
            judge(
                promtool,
                tmp_path,
                group,
                given=[node, drained],
                at="20m",
                expect=[expected],
                environment="dev",
            )


class TestCost:
    def test_planned_nodes_at_planned_traffic_cost_what_the_plan_says(
        self, promtool: Promtool, tmp_path: Path
    ) -> None:
        items = list(graph(ENVIRONMENT))
        (facts,) = [
            item.inputs
            for item in items
            if item.type == "inferstack:index:VllmService" and item.inputs["workload"] == WORKLOAD
        ]
        (pool,) = [
            item.inputs
            for item in items
            if item.type == "inferstack:index:GpuPool" and item.inputs["workload"] == WORKLOAD
        ]
        per_minute = Decimal(str(facts["requestsPerDay"])) / 1440
        given = [
            series(
                "vllm:prompt_tokens_total", POD, f"0+{per_minute * Decimal(str(facts['inputTokens']))}x90"
            ),
            series(
                "vllm:generation_tokens_total",
                POD,
                f"0+{per_minute * Decimal(str(facts['outputTokens']))}x90",
            ),
            *(
                series("kube_node_labels", f'node="n{n}",label_inferstack_dev_workload="{WORKLOAD}"', "1x90")
                for n in range(int(str(pool["nodes"])))
            ),
        ]
        mine = f'{{workload="{WORKLOAD}"}}'
        # within half a percent: the plan counts 730 hours a month
        off = (
            f"abs(inferstack:usd_per_million_tokens{mine} / on (workload)"
            f" inferstack:planned_usd_per_million_tokens{mine} - 1) < bool 0.005"
        )
        hour = f"abs(inferstack:usd_per_hour{mine} - {pool['usdPerHour']}) < bool 0.001"
        asks = [
            {"expr": expr, "exp_samples": [{"labels": f'{{workload="{WORKLOAD}"}}', "value": 1}]}
            for expr in (off, hour)
        ]
        judge(promtool, tmp_path, RULES, given=given, at="80m", asks=asks)

    def test_without_traffic_there_is_no_cost_per_token(self, promtool: Promtool, tmp_path: Path) -> None:
        ask = {"expr": "inferstack:usd_per_million_tokens", "exp_samples": []}
        given = [
            series("vllm:prompt_tokens_total", POD, "5x90"),
            series("vllm:generation_tokens_total", POD, "5x90"),
        ]
        judge(promtool, tmp_path, RULES, given=given, at="80m", asks=[ask])
