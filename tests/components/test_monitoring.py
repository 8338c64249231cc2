from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from components.alerts import alert_names, alert_rules, objectives
from components.dashboards import DASHBOARDS, cost_query, dashboard
from components.facts import WorkloadFacts
from components.metrics import load_metrics
from components.prometheus import pod_monitor, stack_values
from inferstack.engine.graph import Graph
from inferstack.resources import UNKNOWN
from tests.components import builders
from tests.components.running import build, manifest, one, preview

METRICS = load_metrics("0.33.0")


def served(args: builders.InferenceEnvironmentArgs) -> tuple[WorkloadFacts, ...]:
    from components.environment_plan import resolve

    resolved = resolve(args.loaded, args.plan, args.catalog, args.settings)
    return tuple(item.facts for item in resolved.served)


PROD = served(builders.prod())


def rules(workloads: tuple[WorkloadFacts, ...] = PROD) -> dict[str, list[Mapping[str, Any]]]:
    return {group["name"]: group["rules"] for group in alert_rules(workloads)["groups"]}


def queries(name: str) -> list[str]:
    return [target["expr"] for panel in dashboard(name, PROD)["panels"] for target in panel["targets"]]


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


class TestAlerts:
    def test_each_workload_has_its_own_group_and_gpus_one(self) -> None:
        assert list(rules()) == ["inferstack.chat", "inferstack.embed", "inferstack.gpus"]

    def test_objectives_are_the_stated_levels(self) -> None:
        chat, embed = PROD
        assert {item.alert: item.bound for item in objectives(chat)} == {
            "ModelTtft": "1.5",
            "ModelItl": "0.08",
        }
        assert {item.alert: item.bound for item in objectives(embed)} == {"ModelE2e": "0.5"}

    def test_bounds_counted_against_are_bounds_the_server_has(self, prod: Graph) -> None:
        """A bound that is no bucket would match nothing and never fire."""
        for facts in PROD:
            container = manifest(prod, "Deployment", f"model-{facts.workload}")["spec"]["template"]["spec"][
                "containers"
            ][0]
            arguments = container["args"]
            custom = {}
            if "--custom-histogram-buckets" in arguments:
                custom = json.loads(arguments[arguments.index("--custom-histogram-buckets") + 1])
            for item in objectives(facts):
                bounds = custom.get(item.family, dict(METRICS.buckets)[item.family])
                assert float(item.bound) in bounds

    def test_burn_rates_need_a_short_and_a_long_window(self) -> None:
        fast = next(rule for rule in rules()["inferstack.chat"] if rule["alert"] == "ModelTtftBurnFast")
        slow = next(rule for rule in rules()["inferstack.chat"] if rule["alert"] == "ModelTtftBurnSlow")
        assert set(re.findall(r"\[(\w+)\]", fast["expr"])) == {"5m", "1h"}
        assert set(re.findall(r"\[(\w+)\]", slow["expr"])) == {"30m", "6h"}
        assert "> 0.72" in fast["expr"]
        assert "> 0.3" in slow["expr"]
        assert (fast["labels"]["severity"], slow["labels"]["severity"]) == ("critical", "warning")

    def test_every_alert_of_a_workload_is_filtered_and_owned(self) -> None:
        for rule in rules()["inferstack.chat"]:
            assert 'workload="chat"' in rule["expr"] or "model-chat" in rule["expr"]
            assert rule["labels"]["owner"] == "team-support"
            assert rule["annotations"]["summary"]

    def test_missing_replicas_are_late_only_after_a_cold_start(self) -> None:
        rule = next(rule for rule in rules()["inferstack.chat"] if rule["alert"] == "ModelReplicasMissing")
        assert rule["for"] == "260s"

    def test_the_error_budget_follows_availability(self) -> None:
        def share(availability: str) -> str:
            from dataclasses import replace

            slo = replace(PROD[0].slo, availability=Decimal(availability))
            expr = next(
                rule["expr"]
                for rule in rules((replace(PROD[0], slo=slo),))["inferstack.chat"]
                if rule["alert"] == "ModelErrors"
            )
            return expr.rpartition("> ")[2]

        assert share("0.999") == "0.01"
        assert share("0.95") == "0.5"

    def test_groups_of_nodes_are_not_looked_for_among_deployments(self) -> None:
        group = rules(served(builders.groups()))["inferstack.reasoning"]
        assert "ModelNoReplicas" not in {rule["alert"] for rule in group}

    def test_facts_list_every_alert(self, prod: Graph) -> None:
        facts = one(prod, "inferstack:index:Monitoring").inputs
        assert facts["alerts"] == list(alert_names(alert_rules(PROD)))
        assert "GpuXidError" in facts["alerts"]

    def test_expressions_are_balanced(self) -> None:
        for group in rules().values():
            for rule in group:
                expr = re.sub(r'"[^"]*"', "", rule["expr"])
                for left, right in ("()", "{}", "[]"):
                    assert expr.count(left) == expr.count(right), rule["expr"]


class TestDashboards:
    @pytest.mark.parametrize("name", DASHBOARDS)
    def test_panels_have_titles_queries_and_places_of_their_own(self, name: str) -> None:
        panels = dashboard(name, PROD)["panels"]
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
        assert len(places) == len(set(places)) == len(panels) >= 10
        assert all(panel["title"] and panel["targets"] for panel in panels)
        assert len({panel["id"] for panel in panels}) == len(panels)

    def test_cost_is_the_nodes_price_over_the_tokens(self) -> None:
        query = cost_query(PROD[0])
        assert query.startswith("39.3601 / (3600 * (")
        assert query in queries("serving")

    def test_without_a_price_there_is_no_cost_panel(self) -> None:
        from dataclasses import replace

        unpriced = tuple(replace(facts, usd_per_month=None) for facts in PROD)
        titles = [panel["title"] for panel in dashboard("serving", unpriced)["panels"]]
        assert "Cost per million tokens" not in titles
        assert "Cost per million tokens" in [panel["title"] for panel in dashboard("serving", PROD)["panels"]]

    def test_grafana_finds_them_by_label(self, prod: Graph) -> None:
        document = manifest(prod, "ConfigMap", "inferstack-serving")
        assert document["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert json.loads(document["data"]["serving.json"])["title"] == "inferstack: serving"


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
        endpoint = pod_monitor()["spec"]["podMetricsEndpoints"][0]
        assert endpoint["relabelings"][0]["targetLabel"] == "workload"
        assert pod_monitor()["spec"]["selector"]["matchLabels"] == {"app.kubernetes.io/name": "vllm"}

    def test_objects_of_the_operator_come_after_it(self, prod: Graph) -> None:
        operator = one(prod, "kubernetes:helm.sh/v3:Release", "prod-eu-monitoring-prometheus")
        for kind in ("PodMonitor", "PrometheusRule"):
            assert operator.urn in one(prod, f"kubernetes:monitoring.coreos.com/v1:{kind}").dependencies
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


class TestGpuRuntime:
    def test_daemons_run_on_gpu_nodes_and_tolerate_them(self, prod: Graph) -> None:
        for chart in ("nvidia-device-plugin", "dcgm-exporter"):
            values = one(prod, "kubernetes:helm.sh/v3:Release", f"prod-eu-gpu-runtime-{chart}").inputs[
                "values"
            ]
            assert values["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
            assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in values[
                "tolerations"
            ]

    def test_the_efa_plugin_comes_only_with_groups_and_from_the_own_region(
        self, prod: Graph, groups: Graph
    ) -> None:
        release = one(groups, "kubernetes:helm.sh/v3:Release", "groups-gpu-runtime-aws-efa-k8s-device-plugin")
        assert ".dkr.ecr.us-west-2." in release.inputs["values"]["image"]["repository"]
        assert not [item for item in prod if "efa-" in item.name]

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
