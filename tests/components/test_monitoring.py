from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from components.alerts import Scope, rule_groups
from components.dashboards import dashboard, dashboards
from components.metrics import load_metrics
from components.monitors import GATEWAY, VLLM, pod_monitor
from components.prometheus import stack_values
from components.rules import Alert, Recording, alert_names
from components.rules_cost import cost_rules
from components.rules_failures import failure_rules
from components.rules_slo import objectives, slo_rules, windows
from components.watch import Watched
from inferstack.engine.graph import Graph
from inferstack.resources import UNKNOWN
from tests.components import builders
from tests.components.running import build, manifest, one, preview

METRICS = load_metrics("0.33.0")


def watched(args: builders.InferenceEnvironmentArgs) -> tuple[Watched, ...]:
    from components.environment_plan import resolve

    return resolve(args.loaded, args.plan, args.catalog, args.settings).watched


PROD = watched(builders.prod())
CHAT, EMBED = PROD
DEV = watched(builders.dev())[0]
GROUPS = watched(builders.groups())[0]


def changed(subject: Watched, **facts: Any) -> Watched:
    return replace(subject, facts=replace(subject.facts, **facts))


def alert(rules: Sequence[Alert | Recording] | Any, name: str, severity: str | None = None) -> Alert:
    found = [
        rule
        for rule in rules
        if isinstance(rule, Alert) and rule.name == name and severity in (None, rule.severity)
    ]
    assert len(found) == 1, (name, [rule.name for rule in found])
    return found[0]


def names(rules: Any) -> set[str]:
    return {rule.name for rule in rules if isinstance(rule, Alert)}


def queries(name: str) -> list[str]:
    return [target["expr"] for panel in dashboard(name)["panels"] for target in panel["targets"]]


class TestMetricNames:
    """tests/queries judges every query; here is what it stands on."""

    def test_histograms_are_known_by_their_parts_only(self) -> None:
        assert METRICS.exported("vllm:e2e_request_latency_seconds_count")
        assert not METRICS.exported("vllm:e2e_request_latency_seconds")
        assert "le" in METRICS.series["vllm:e2e_request_latency_seconds_bucket"]
        assert "le" not in METRICS.series["vllm:e2e_request_latency_seconds_sum"]

    def test_releases_differ(self) -> None:
        assert load_metrics("0.10.2").exported("vllm:gpu_cache_usage_perc")
        assert METRICS.gone["vllm:gpu_cache_usage_perc"] == "gone in 0.13.0; use vllm:kv_cache_usage_perc"
        assert not load_metrics("0.13.0").exported("vllm:admission_rejections_total")
        assert METRICS.exported("vllm:admission_rejections_total")


class TestServiceLevels:
    def test_objectives_are_the_stated_levels(self) -> None:
        assert {item.slo: item.bound for item in objectives(CHAT)} == {
            "ttft": "1.5",
            "itl": "0.08",
            "availability": None,
        }
        assert {item.slo: item.bound for item in objectives(EMBED)} == {"e2e": "0.5", "availability": None}

    def test_bounds_counted_against_are_bounds_the_server_has(self, prod: Graph) -> None:
        """A bound that is no bucket would match nothing and never fire."""
        for subject in PROD:
            pod = manifest(prod, "Deployment", f"model-{subject.name}")["spec"]["template"]["spec"]
            arguments = pod["containers"][0]["args"]
            custom = {}
            if "--custom-histogram-buckets" in arguments:
                custom = json.loads(arguments[arguments.index("--custom-histogram-buckets") + 1])
            for item in objectives(subject):
                if item.family is not None and item.bound is not None:
                    bounds = custom.get(item.family, dict(METRICS.buckets)[item.family])
                    assert float(item.bound) in bounds

    def test_windows_and_factors_are_the_workbooks(self) -> None:
        found = [(str(item.factor), item.long, item.short, item.severity) for item in windows(30)]
        assert found == [
            ("14.4", "1h", "5m", "critical"),
            ("6", "6h", "30m", "critical"),
            ("3", "1d", "2h", "warning"),
            ("1", "3d", "6h", "warning"),
        ]

    def test_windows_end_with_the_kept_history(self) -> None:
        assert [item.long for item in windows(1)] == ["1h", "6h", "1d"]
        assert "1d" in alert(slo_rules(CHAT, 1), "ModelTtftBurn", "warning").expr
        assert "3d" not in alert(slo_rules(CHAT, 1), "ModelTtftBurn", "warning").expr

    def test_a_page_needs_a_long_and_a_short_window(self) -> None:
        page = alert(slo_rules(CHAT, 15), "ModelTtftBurn", "critical")
        where = '{workload="chat",slo="ttft"}'
        name = "inferstack:slo_errors:ratio_rate"
        assert page.expr == (
            f"({name}1h{where} > 0.72 and {name}5m{where} > 0.72)"
            f" or ({name}6h{where} > 0.3 and {name}30m{where} > 0.3)"
        )
        ticket = alert(slo_rules(CHAT, 15), "ModelTtftBurn", "warning")
        assert "> 0.15 and" in ticket.expr
        assert "> 0.05 and" in ticket.expr

    def test_every_window_an_alert_reads_is_recorded(self) -> None:
        rules = list(slo_rules(CHAT, 15))
        recorded = {rule.name for rule in rules if isinstance(rule, Recording)}
        read = {
            name
            for rule in rules
            if isinstance(rule, Alert)
            for name in re.findall(r"inferstack:[a-z_:0-9]+", rule.expr)
        }
        assert read == recorded
        assert len(recorded) == 7

    def test_availability_is_what_callers_see(self) -> None:
        behind = next(item for item in objectives(CHAT) if item.slo == "availability")
        assert f'requested_model="{CHAT.served_model_name}",status_code=~"5.."' in behind.ratio
        alone = next(
            item for item in objectives(replace(CHAT, behind_gateway=False)) if item.slo == "availability"
        )
        assert 'workload="chat",finished_reason="error"' in alone.ratio

    @pytest.mark.parametrize(
        ("availability", "page"), [("0.999", "> 0.0144 and"), ("0.95", "> 0.72 and"), ("0.9", "> 0.9 and")]
    )
    def test_the_error_budget_follows_availability(self, availability: str, page: str) -> None:
        slo = replace(CHAT.facts.slo, availability=Decimal(availability))
        found = alert(slo_rules(changed(CHAT, slo=slo), 15), "ModelAvailabilityBurn", "critical")
        assert page in found.expr


class TestFailures:
    def test_every_alert_of_a_workload_is_filtered_and_owned(self, prod: Graph) -> None:
        groups = manifest(prod, "PrometheusRule", "inferstack")["spec"]["groups"]
        assert [group["name"] for group in groups] == [
            "inferstack.chat",
            "inferstack.embed",
            "inferstack.gpus",
            "inferstack.gateway",
            "inferstack.monitoring",
        ]
        for rule in (rule for rule in groups[0]["rules"] if "alert" in rule):
            assert re.search(r'"chat"|model-chat', rule["expr"]), rule
            assert rule["labels"]["owner"] == "team-support"
            assert rule["labels"]["workload"] == "chat"
            assert rule["annotations"]["summary"]
            assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"

    def test_each_way_to_fail_has_its_alert(self) -> None:
        assert names(failure_rules(CHAT)) >= {
            "ModelTargetsDown",
            "ModelMetricsMissing",
            "ModelNoReplicas",
            "ModelReplicasMissing",
            "ModelColdStartSlow",
            "ModelOomLoop",
            "ModelRestarts",
            "ModelKvCacheFull",
            "ModelPreemptions",
            "ModelQueueGrows",
            "ModelQueueStuck",
            "ModelRejections",
        }

    def test_missing_replicas_are_late_only_after_a_cold_start(self) -> None:
        assert alert(failure_rules(CHAT), "ModelReplicasMissing").hold == "260s"
        assert "> 520 " in alert(failure_rules(CHAT), "ModelColdStartSlow").expr

    def test_groups_of_nodes_are_not_looked_for_among_deployments(self) -> None:
        assert "ModelNoReplicas" not in names(failure_rules(GROUPS))
        assert all("kube_deployment" not in rule.expr for rule in failure_rules(GROUPS))

    def test_asleep_is_not_down(self) -> None:
        assert "spec_replicas" not in alert(failure_rules(CHAT), "ModelTargetsDown").expr
        sleeper = alert(failure_rules(changed(CHAT, min_replicas=0)), "ModelTargetsDown").expr
        assert sleeper.endswith('deployment="model-chat"}) > 0')

    def test_only_spot_is_taken_back(self) -> None:
        assert "ModelSpotReclaimed" in names(failure_rules(DEV))
        assert "ModelSpotReclaimed" not in names(failure_rules(CHAT))

    def test_only_what_scales_has_a_scaler(self) -> None:
        fixed = changed(CHAT, min_replicas=2, max_replicas=2)
        assert "ModelScalerFails" not in names(failure_rules(fixed))
        scaling = failure_rules(changed(CHAT, min_replicas=2, max_replicas=5))
        found = {rule.name: rule.expr for rule in scaling}
        assert 'scaledObject="model-chat"' in found["ModelScalerFails"]
        assert ">= 5 and" in found["ModelAtMaxReplicas"]

    def test_facts_list_every_alert(self, prod: Graph) -> None:
        facts = one(prod, "inferstack:index:Monitoring").inputs
        groups = rule_groups(Scope(workloads=PROD, retention_days=15, gateway=True, collector=True))
        assert facts["alerts"] == list(alert_names(groups))
        assert "GpuXidError" in facts["alerts"]

    def test_without_a_gateway_nobody_misses_it(self) -> None:
        groups = rule_groups(Scope(workloads=PROD, retention_days=15, gateway=False))
        assert not [name for name in alert_names(groups) if name.startswith("Gateway")]


class TestCost:
    def test_it_is_the_live_nodes_at_the_plans_price_over_the_tokens(self) -> None:
        found = {rule.name: rule.expr for rule in cost_rules(CHAT)}
        assert CHAT.usd_per_hour is not None
        assert CHAT.planned_usd_per_million_tokens is not None
        each = CHAT.usd_per_hour / CHAT.nodes
        assert found["inferstack:usd_per_node_hour"] == f"vector({each.normalize():f})"
        assert 'label_inferstack_dev_workload="chat"' in found["inferstack:nodes"]
        assert found["inferstack:planned_usd_per_million_tokens"] == (
            f"vector({CHAT.planned_usd_per_million_tokens.normalize():f})"
        )

    def test_without_a_price_nothing_is_recorded(self) -> None:
        assert list(cost_rules(replace(CHAT, usd_per_hour=None))) == []

    def test_a_budget_is_watched(self) -> None:
        assert alert(cost_rules(CHAT), "ModelSpendAboveBudget").expr.endswith("* 730 > 60000")
        assert "ModelSpendAboveBudget" not in names(cost_rules(changed(CHAT, budget_monthly_usd=None)))


ALL = dashboards(gateway=True, routed=True)


class TestDashboards:
    @pytest.mark.parametrize("name", ALL)
    def test_panels_have_titles_queries_and_places_of_their_own(self, name: str) -> None:
        panels = dashboard(name)["panels"]
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
        assert len(places) == len(set(places)) == len(panels) >= 6
        assert all(panel["title"] and panel["targets"] for panel in panels)
        assert len({panel["id"] for panel in panels}) == len(panels)
        assert len({panel["title"] for panel in panels}) == len(panels)

    @pytest.mark.parametrize("name", ALL)
    def test_sources_and_namespaces_are_chosen_not_written(self, name: str) -> None:
        board = dashboard(name)
        variables = {item["name"]: item for item in board["templating"]["list"]}
        assert variables["datasource"]["query"] == "prometheus"
        for panel in board["panels"]:
            sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
            assert {source["uid"] for source in sources} == {"${datasource}"}
            assert panel["fieldConfig"]["defaults"]["unit"]
        assert "llm-serving" not in json.dumps(board)
        assert "llm-gateway" not in json.dumps(board)
        used = set(re.findall(r"\$([a-z]+)", " ".join(queries(name))))
        assert used <= set(variables)

    def test_addresses_are_unique(self) -> None:
        assert len({dashboard(name)["uid"] for name in ALL}) == len(ALL) == 5

    def test_the_service_board_shows_what_operators_ask_for(self) -> None:
        text = "\n".join(queries("serving"))
        for metric in ("time_to_first_token", "inter_token_latency", "e2e_request_latency"):
            for quantile in ("0.5", "0.95", "0.99"):
                assert f"histogram_quantile({quantile}, sum by (le, workload) (rate(vllm:{metric}" in text
        for metric in ("num_requests_waiting", "kv_cache_usage_perc", "prefix_cache_hits_total"):
            assert f"vllm:{metric}" in text

    def test_the_gateway_board_comes_with_a_gateway(self, prod: Graph, dev: Graph) -> None:
        assert manifest(prod, "ConfigMap", "inferstack-gateway")["data"]["gateway.json"]
        assert dashboards(gateway=False) == ("serving", "gpus", "cost")

    def test_the_routing_board_comes_with_a_router(self, prod: Graph) -> None:
        assert "inferstack-routing" not in [
            item.inputs["metadata"]["name"] for item in prod if item.type.endswith(":ConfigMap")
        ]
        assert dashboards(gateway=True, routed=True)[-1] == "routing"

    def test_grafana_finds_them_by_label(self, prod: Graph) -> None:
        document = manifest(prod, "ConfigMap", "inferstack-serving")
        assert document["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert json.loads(document["data"]["serving.json"])["title"] == "inferstack: serving"

    def test_another_kind_of_source_can_be_offered(self) -> None:
        board: Mapping[str, Any] = dashboard("cost", "grafana-amazonprometheus-datasource")
        assert board["templating"]["list"][0]["query"] == "grafana-amazonprometheus-datasource"
        assert board["panels"][0]["datasource"]["type"] == "grafana-amazonprometheus-datasource"


class TestStack:
    def test_everything_with_a_monitor_is_scraped(self) -> None:
        spec = stack_values(15, None)["prometheus"]["prometheusSpec"]
        assert spec["podMonitorSelectorNilUsesHelmValues"] is False
        assert spec["serviceMonitorSelectorNilUsesHelmValues"] is False
        assert spec["ruleSelectorNilUsesHelmValues"] is False

    def test_retention_and_disk_follow_the_environment(self) -> None:
        spec = stack_values(15, None)["prometheus"]["prometheusSpec"]
        assert spec["retention"] == "15d"
        claim = spec["storageSpec"]["volumeClaimTemplate"]["spec"]
        assert claim["resources"]["requests"]["storage"] == "45Gi"
        assert claim["storageClassName"] == "gp3"

    def test_what_aws_runs_is_not_watched(self) -> None:
        values = stack_values(15, None)
        assert values["kubeEtcd"] == {"enabled": False}
        assert values["defaultRules"]["rules"]["etcd"] is False

    def test_the_workload_label_comes_from_the_pod(self) -> None:
        spec = pod_monitor(VLLM)["spec"]
        assert spec["podMetricsEndpoints"][0]["relabelings"][0]["targetLabel"] == "workload"
        assert spec["selector"]["matchLabels"] == {"app.kubernetes.io/name": "vllm"}

    def test_the_gateway_is_scraped_where_it_answers(self, prod: Graph) -> None:
        document = manifest(prod, "PodMonitor", "gateway")
        assert document == {**pod_monitor(GATEWAY)}
        assert document["spec"]["podMetricsEndpoints"][0]["path"] == "/metrics/"
        assert document["spec"]["namespaceSelector"]["matchNames"] == ["llm-gateway"]

    def test_nodes_say_their_workload_and_purchase(self) -> None:
        state = stack_values(15, None)["kube-state-metrics"]
        assert state["metricLabelsAllowlist"] == ["nodes=[inferstack.dev/workload,inferstack.dev/purchase]"]

    def test_objects_of_the_operator_come_after_it(self, prod: Graph) -> None:
        operator = one(prod, "kubernetes:helm.sh/v3:Release", "prod-eu-monitoring-prometheus")
        made = [item for item in prod if "monitoring.coreos.com" in item.type]
        assert len(made) == 4
        assert all(operator.urn in item.dependencies for item in made)
        exporter = one(prod, "kubernetes:helm.sh/v3:Release", "prod-eu-gpu-runtime-dcgm-exporter")
        assert operator.urn in exporter.dependencies
        assert exporter.inputs["values"]["serviceMonitor"]["enabled"] is True

    def test_without_monitoring_gpus_are_still_exported_and_nothing_is_scraped(self, dev: Graph) -> None:
        exporter = one(dev, "kubernetes:helm.sh/v3:Release", "dev-gpu-runtime-dcgm-exporter")
        assert exporter.inputs["values"]["serviceMonitor"]["enabled"] is False
        assert not [item for item in dev if "monitoring.coreos.com" in item.type]

    def test_managed_prometheus_gets_the_metrics_and_nothing_more(self) -> None:
        graph = preview(build(builders.prod(monitoring={"stack": "amp"})))
        values = one(graph, "kubernetes:helm.sh/v3:Release", "prod-eu-monitoring-prometheus").inputs["values"]
        spec = values["prometheus"]["prometheusSpec"]
        assert spec["remoteWrite"] == [{"url": UNKNOWN, "sigv4": {"region": "eu-central-1"}}]
        assert spec["retention"] == "1d"
        assert one(graph, "aws:amp/workspace:Workspace").inputs["alias"] == "inferstack-prod-eu"
        policy = one(graph, "aws:iam/rolePolicy:RolePolicy", "prod-eu-monitoring-remote-write").inputs
        actions = [item["Action"] for item in json.loads(str(policy["policy"]))["Statement"]]
        assert actions == [["aps:RemoteWrite"]]


class TestCharts:
    def test_every_chart_is_pinned_and_removed_when_its_first_install_fails(
        self, prod: Graph, groups: Graph
    ) -> None:
        for graph in (prod, groups):
            for release in graph.of_type("kubernetes:helm.sh/v3:Release"):
                assert re.fullmatch(r"v?\d+\.\d+\.\d+", str(release.inputs["version"]))
                assert release.inputs["atomic"] is True
                chart = str(release.inputs["chart"])
                assert chart.startswith("oci://") or "repositoryOpts" in release.inputs

    def test_values_of_charts_are_known_at_preview(self, prod: Graph, groups: Graph) -> None:
        for graph in (prod, groups):
            for release in graph.of_type("kubernetes:helm.sh/v3:Release"):
                assert "unknown" not in repr(release.inputs)


def test_without_a_gateway_the_engine_is_asked() -> None:
    """What callers saw is then known from the engine only."""
    subject = watched(builders.prod(gateway=None))[0]
    availability = next(item for item in objectives(subject) if item.slo == "availability")
    assert "litellm" not in availability.ratio
    assert "vllm:request_success_total" in availability.ratio
