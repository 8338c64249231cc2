"""The lint finds what would silently be empty, wrong or another workload's."""

from __future__ import annotations

import pytest

from components.metrics import load_metrics
from tests.queries.collect import of_dashboard, of_rules, of_scaler
from tests.queries.lint import Query, lint

METRICS = load_metrics("0.33.0")
CHAT = '{workload="chat"}'


def problems(expr: str, kind: str = "panel", version: str = "0.33.0") -> list[str]:
    return lint([Query(where="here", kind=kind, expr=expr)], load_metrics(version))


@pytest.mark.parametrize(
    "expr",
    [
        f"sum(vllm:num_requests_waiting{CHAT})",
        "histogram_quantile(0.95, sum by (le, workload) (rate(vllm:time_to_first_token_seconds_bucket[5m])))",
        'sum by (finished_reason) (rate(vllm:request_success_total{model_name=~"$model"}[$__rate_interval]))',
        "max by (Hostname, gpu) (DCGM_FI_DEV_GPU_TEMP)",
        'absent(up{workload="chat"})',
        "time() - kube_pod_created > 60",
        "sum by (pod) (kube_pod_status_ready) * on (pod) group_left (node) kube_pod_created",
        'sum(rate(litellm_proxy_total_requests_metric_total{status_code=~"5.."}[5m]))',
        "sum((vllm:generation_tokens_total unless vllm:generation_tokens_total offset 5m)"
        " or increase(vllm:generation_tokens_total[5m]))",
        "max_over_time(sum by (workload) (vllm:num_requests_running)[1h:5m])",
        'sum(rate(vllm:e2e_request_latency_seconds_bucket{le="1.0"}[5m])) / sum(rate(vllm:e2e_request_latency_seconds_count[5m]))',
    ],
)
def test_good_queries_pass(expr: str) -> None:
    assert problems(expr) == []


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        ("sum(vllm:gpu_cache_usage_perc)", "gone in 0.13.0; use vllm:kv_cache_usage_perc"),
        (
            "sum(rate(vllm:time_per_output_token_seconds_bucket[5m]))",
            "gone in 0.32.0; use vllm:inter_token_latency_seconds",
        ),
        ("sum(vllm:num_requests_swapped)", "nothing exports that"),
        ("sum(rate(vllm:num_preemptions[5m]))", "nothing exports that"),
        ("sum(vllm:num_requests_running_total)", "nothing exports that"),
        ("sum(rate(vllm:e2e_request_latency_seconds[5m]))", "only _bucket, _sum and _count"),
        ("max(DCGM_FI_DEV_INVENTED)", "nothing exports that"),
        ('sum(vllm:num_requests_waiting{model="chat"})', "has no label model; it has engine, model_name"),
        ("sum by (model) (vllm:num_requests_waiting)", "sum by (model): nothing there has that label"),
        ("sum by (uuid) (DCGM_FI_DEV_GPU_TEMP)", "sum by (uuid)"),
        ("sum(vllm:generation_tokens_total)", "only grows: take its rate"),
        ("sum(vllm:generation_tokens_total unless vllm:num_requests_running)", "only grows: take its rate"),
        ("rate(vllm:num_requests_running[5m])", "is a gauge"),
        (
            "histogram_quantile(0.95, sum by (workload) (rate(vllm:time_to_first_token_seconds_bucket[5m])))",
            "histogram_quantile (le)",
        ),
        (
            "sum by (workload) (vllm:num_requests_waiting) / sum(vllm:num_requests_running)",
            "never match: {workload} and {}",
        ),
        ("vllm:num_requests_waiting * on (nowhere) up", "* on (nowhere)"),
        ("sum(vllm:num_requests_waiting", "not PromQL: unclosed left parenthesis"),
        ("rate(vllm:prompt_tokens_total)", "not PromQL: expected type matrix"),
        ('{__name__="x"}', "a selector without name"),
    ],
)
def test_bad_queries_are_found(expr: str, said: str) -> None:
    found = problems(expr)
    assert any(said in item for item in found), found


class TestScalers:
    def test_several_series_are_refused(self) -> None:
        """KEDA takes one: with two pods the bare name is an error, and its fallback pins the replicas."""
        assert problems(f"vllm:num_requests_waiting{CHAT}", "scaler") == [
            "here: a scaler takes one series; aggregate without `by`"
        ]
        assert problems(f"sum by (workload) (vllm:num_requests_waiting{CHAT})", "scaler")
        assert problems(f"sum(vllm:num_requests_waiting{CHAT})", "scaler") == []

    def test_series_of_every_model_are_refused(self) -> None:
        (found,) = problems("sum(vllm:num_requests_waiting)", "scaler")
        assert "not filtered by workload" in found

    def test_arithmetic_of_totals_is_one_series(self) -> None:
        total = f"sum(vllm:num_requests_waiting{CHAT}) + sum(vllm:num_requests_running{CHAT})"
        assert problems(f"({total}) / 2", "scaler") == []

    def test_what_may_not_exist_scales_nothing(self) -> None:
        (found,) = problems(f"max(vllm:lora_requests_info{CHAT})", "scaler")
        assert "exists only with --enable-lora" in found


class TestReleases:
    def test_a_name_of_a_later_release_fails_on_an_earlier_one(self) -> None:
        expr = "sum by (reason) (vllm:num_requests_waiting_by_reason)"
        assert problems(expr) == []
        assert problems(expr, version="0.13.0") == [
            "here: vllm:num_requests_waiting_by_reason: new in 0.32.0"
        ]

    def test_a_name_of_an_earlier_release_passes_there(self) -> None:
        assert problems("max(vllm:gpu_cache_usage_perc)", version="0.10.2") == []


RULES = {
    "groups": [
        {
            "name": "g",
            "rules": [
                {"record": "inferstack:x:rate5m", "expr": "sum(up)", "labels": {"slo": "ttft"}},
                {"alert": "A", "expr": 'inferstack:x:rate5m{slo="ttft"} > 1'},
            ],
        }
    ]
}


class TestRecordedSeries:
    def test_are_known_with_their_labels(self) -> None:
        assert lint(of_rules(RULES, "r"), METRICS) == []

    def test_are_unknown_when_nobody_records_them(self) -> None:
        rules = {"groups": [{"name": "g", "rules": RULES["groups"][0]["rules"][1:]}]}
        assert lint(of_rules(rules, "r"), METRICS) == [
            "r/g/A: inferstack:x:rate5m: nothing exports that",
        ]

    def test_a_label_they_lack_is_found(self) -> None:
        rules = [
            Query(where="r", kind="record", record="inferstack:y", expr="sum by (workload) (up)"),
            Query(where="a", kind="alert", expr="sum by (slo) (inferstack:y)"),
        ]
        assert lint(rules, METRICS) == ["a: sum by (slo): nothing there has that label"]

    def test_have_a_name_of_their_own(self) -> None:
        rules = [Query(where="r", kind="record", record="vllm:mine", expr="sum(up)")]
        assert lint(rules, METRICS) == ["r: vllm:mine is not named inferstack:..."]


class TestWhereQueriesStand:
    def test_panels_variables_and_scalers_are_read(self) -> None:
        board = {
            "uid": "b",
            "panels": [
                {
                    "title": "Row",
                    "panels": [{"title": "In", "targets": [{"refId": "A", "expr": "sum(nope)"}]}],
                }
            ],
            "templating": {
                "list": [{"type": "query", "name": "m", "query": {"query": "label_values(nix, job)"}}]
            },
        }
        scaler = {
            "metadata": {"name": "s"},
            "spec": {"triggers": [{"type": "prometheus", "metadata": {"query": "sum(nada)"}}]},
        }
        assert lint([*of_dashboard(board), *of_scaler(scaler)], METRICS) == [
            "b/$m: nix: nothing exports that",
            "b/In/A: nope: nothing exports that",
            "s/trigger 0: nada: nothing exports that",
        ]
