"""Who sets the number of replicas: by which marks, from which metrics, and what happens without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import autoscaling, iam, scaling, vllm_objects
from components.environment import InferenceEnvironmentArgs
from components.metrics import load_metrics
from components.pins import load_pins
from components.vllm_args import Adapter
from inferstack.engine.graph import Graph
from inferstack.resources import UNKNOWN
from inferstack.sizing.types import LoadTime, ScaleTargets, WorkloadPlan
from tests.components import builders
from tests.components.running import build, deploy, inventory, manifest, one, preview
from tests.queries.collect import of_scaler
from tests.queries.lint import lint

PROMETHEUS = "http://kube-prometheus-stack-prometheus.monitoring.svc:9090"
SOURCE = scaling.MetricsSource(address=PROMETHEUS)
SCALER = scaling.Scaler(kind="keda", source=SOURCE, gateway=True)
ASLEEP = replace(builders.PLAN, min_replicas=0)


def with_capacity(environment: Mapping[str, Any], **capacity: Any) -> InferenceEnvironmentArgs:
    """The production environment with one workload that is scaled as asked."""
    spec = builders.prod(**environment).loaded.environment
    chat = builders.workload("chat", builders.PLAN.model_id, capacity=capacity)
    return builders.arguments(spec, builders.EU_ZONES, (chat, builders.PLAN))


def triggers(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {item["name"]: item for item in document["spec"]["triggers"]}


class TestScaledObject:
    def test_it_is_exactly_this(self, prod: Graph) -> None:
        document = dict(manifest(prod, "ScaledObject", "model-chat"))
        assert document["spec"] == {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "model-chat"},
            "pollingInterval": 15,
            "minReplicaCount": 2,
            "maxReplicaCount": 8,
            "fallback": {"failureThreshold": 3, "replicas": 3, "behavior": "currentReplicasIfHigher"},
            "advanced": {
                "horizontalPodAutoscalerConfig": {
                    "behavior": {
                        "scaleUp": {
                            "stabilizationWindowSeconds": 0,
                            "selectPolicy": "Max",
                            "policies": [
                                {"type": "Percent", "value": 100, "periodSeconds": 60},
                                {"type": "Pods", "value": 2, "periodSeconds": 60},
                            ],
                        },
                        "scaleDown": {
                            "stabilizationWindowSeconds": 300,
                            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 120}],
                        },
                    }
                }
            },
            "triggers": [
                trigger("waiting", f"sum(vllm:num_requests_waiting{{{LABELS}}})", "2"),
                trigger(
                    "in-flight",
                    f"sum(vllm:num_requests_running{{{LABELS}}}) + sum(vllm:num_requests_waiting{{{LABELS}}})",
                    "13",
                ),
                trigger(
                    "arrivals",
                    'sum(rate(litellm_proxy_total_requests_metric_total{requested_model=~"chat"}[2m]))'
                    " or vector(0)",
                    "1",
                ),
            ],
        }

    def test_the_deployment_leaves_the_number_to_it(self, prod: Graph) -> None:
        assert "replicas" not in manifest(prod, "Deployment", "model-chat")["spec"]

    def test_it_comes_after_keda_and_the_server_and_goes_before_them(self, prod: Graph) -> None:
        keda = one(prod, "kubernetes:helm.sh/v3:Release", "prod-eu-autoscaling-keda")
        for item in prod.of_type("kubernetes:keda.sh/v1alpha1:ScaledObject"):
            server = one(prod, "kubernetes:apps/v1:Deployment", item.name)
            assert {keda.urn, server.urn} <= set(item.dependencies)

    def test_a_number_that_cannot_change_needs_no_scaler(self) -> None:
        spec = builders.prod().loaded.environment
        chat = builders.workload("chat", builders.PLAN.model_id)
        fixed = replace(builders.PLAN, min_replicas=3, max_replicas=3)
        graph = preview(build(builders.arguments(spec, builders.EU_ZONES, (chat, fixed))))
        assert not graph.of_type("kubernetes:keda.sh/v1alpha1:ScaledObject")
        assert not graph.of_type("inferstack:index:Autoscaling")
        assert manifest(graph, "Deployment", "model-chat")["spec"]["replicas"] == 3


LABELS = 'namespace="llm-serving",workload="chat"'


def trigger(name: str, query: str, threshold: str) -> dict[str, Any]:
    return {
        "type": "prometheus",
        "name": name,
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": PROMETHEUS,
            "query": query,
            "threshold": threshold,
            "activationThreshold": "0",
            "ignoreNullValues": "false",
        },
    }


def judged(plan: WorkloadPlan) -> list[str]:
    """What the linter of queries says: real names and labels, filtered by workload, one series."""
    document = scaling.scaled_object(builders.server_spec(plan), SCALER)
    return lint(of_scaler(document), load_metrics("0.33.0"))


class TestQueries:
    @pytest.mark.parametrize("plan", [builders.PLAN, ASLEEP])
    def test_each_is_one_series_of_this_workload(self, plan: WorkloadPlan) -> None:
        assert judged(plan) == []

    def test_whether_anything_reports_is_asked_across_the_namespace(self) -> None:
        """Groups have no count of their own: that no leader is ready must not mean that nobody tells."""
        problems = judged(replace(builders.group_plan(), min_replicas=0))
        assert [problem.partition(": ")[2] for problem in problems] == [
            "kube_pod_status_ready is not filtered by workload: it counts other models too"
        ] * 2

    def test_requests_for_an_adapter_count_for_its_base(self) -> None:
        spec = builders.server_spec(builders.PLAN, adapters=(Adapter(name="tone", uri="s3://acme/tone"),))
        assert 'requested_model=~"chat|tone"' in scaling.arrivals_query(spec)

    def test_callers_of_another_name_count_where_they_are_sent(self) -> None:
        """Of a version it replaces, or that is gone; others of that name wake nobody here."""
        spec = builders.server_spec(builders.PLAN, other_names=("gone", "old"))
        query = scaling.arrivals_query(spec)
        sent = 'litellm_deployment_total_requests_total{model_id=~"gone/chat|old/chat"}'
        assert query.endswith(f"+ (sum(rate({sent}[2m])) or vector(0))")
        assert 'requested_model=~"chat"' in query

    def test_without_a_gateway_nobody_counts_arrivals(self) -> None:
        scaler = replace(SCALER, gateway=False)
        names = [item["name"] for item in scaling.triggers(builders.server_spec(builders.PLAN), scaler)]
        assert names == ["waiting", "in-flight"]

    @given(mark=st.floats(0.0001, 1e6))
    def test_thresholds_are_numbers_keda_can_read(self, mark: float) -> None:
        plan = replace(builders.PLAN, scale=ScaleTargets(concurrency=7, waiting=3, requests_per_second=mark))
        for item in scaling.triggers(builders.server_spec(plan), SCALER):
            assert float(item["metadata"]["threshold"]) > 0


class TestSleep:
    def document(self, **load: float) -> Mapping[str, Any]:
        parts = {"node_s": 60.0, "image_s": 50.0, "weights_s": 90.0, "compile_s": 60.0, **load}
        return scaling.scaled_object(
            builders.server_spec(replace(ASLEEP, load_time=LoadTime(**parts))), SCALER
        )

    @given(weights=st.floats(0, 4000), compile_s=st.floats(0, 900))
    def test_it_falls_asleep_later_than_waking_takes(self, weights: float, compile_s: float) -> None:
        spec = self.document(weights_s=weights, compile_s=compile_s)["spec"]
        assert spec["minReplicaCount"] == 0
        assert spec["cooldownPeriod"] > 60 + 50 + weights + compile_s
        assert spec["initialCooldownPeriod"] > 60 + 50 + weights + compile_s
        behaviour = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        assert behaviour["scaleDown"]["stabilizationWindowSeconds"] <= 3600

    def test_it_is_woken_by_the_gateway(self) -> None:
        assert "arrivals" in triggers(self.document())

    def test_servers_that_are_not_there_are_no_outage(self) -> None:
        """Their metrics vanish with the pods; that there are none must come from elsewhere."""
        query = triggers(self.document())["waiting"]["metadata"]["query"]
        assert query == (
            f"(sum(vllm:num_requests_waiting{{{LABELS}}})) or (vector(0) and "
            'sum(kube_deployment_status_replicas_available{namespace="llm-serving",deployment="model-chat"})'
            " == 0)"
        )

    def test_a_workload_that_never_sleeps_takes_silence_for_an_outage(self, prod: Graph) -> None:
        document = manifest(prod, "ScaledObject", "model-chat")
        for name in ("waiting", "in-flight"):
            assert "vector(0)" not in triggers(document)[name]["metadata"]["query"]
        assert "cooldownPeriod" not in document["spec"]

    def test_groups_are_counted_by_their_leaders(self) -> None:
        spec = builders.server_spec(replace(builders.group_plan(), min_replicas=0))
        query = triggers(scaling.scaled_object(spec, SCALER))["waiting"]["metadata"]["query"]
        assert 'pod=~"model-reasoning-[0-9]+"' in query


class TestGroups:
    def test_a_group_is_scaled_whole(self) -> None:
        args = builders.groups(monitoring={"stack": "prometheus"})
        args = replace(
            args, plan=replace(args.plan, workloads=(replace(builders.group_plan(), max_replicas=3),))
        )
        graph = preview(build(args))
        target = manifest(graph, "ScaledObject", "model-reasoning")["spec"]["scaleTargetRef"]
        assert target == {
            "apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet", "name": "model-reasoning"
        }  # fmt: skip
        assert "replicas" not in manifest(graph, "LeaderWorkerSet", "model-reasoning")["spec"]


@pytest.fixture(scope="module")
def amp() -> Graph:
    return preview(build(builders.prod(monitoring={"stack": "amp"})))


@pytest.fixture(scope="module")
def plain() -> Graph:
    return preview(build(with_capacity({}, autoscaling="hpa")))


class TestManagedPrometheus:
    def test_queries_are_signed_as_keda(self, amp: Graph) -> None:
        for item in triggers(manifest(amp, "ScaledObject", "model-chat")).values():
            assert item["metadata"]["awsRegion"] == "eu-central-1"
            assert item["metadata"]["serverAddress"] is UNKNOWN
            assert item["authenticationRef"] == {"name": "metrics"}
        document = manifest(amp, "TriggerAuthentication", "metrics")
        assert document["spec"] == {"podIdentity": {"provider": "aws"}}
        assert document["metadata"]["namespace"] == "llm-serving"

    def test_keda_may_query_this_environments_workspace_and_nothing_else(self, amp: Graph) -> None:
        policy = str(one(amp, "aws:iam/rolePolicy:RolePolicy", "prod-eu-autoscaling-keda").inputs["policy"])
        assert '"aps:QueryMetrics"' in policy
        assert policy.count("aps:") == 2  # the action, and the ARN
        assert '"aws:ResourceTag/inferstack.dev/environment": "prod-eu"' in policy
        identity = one(
            amp, "aws:eks/podIdentityAssociation:PodIdentityAssociation", "prod-eu-autoscaling-keda"
        )
        assert (identity.inputs["namespace"], identity.inputs["serviceAccount"]) == ("keda", "keda-operator")

    def test_the_address_has_no_slash_at_its_end(self) -> None:
        recorder = deploy(build(builders.prod(monitoring={"stack": "amp"})))
        found = [item for item in recorder.resources if item.typ.endswith(":ScaledObject")]
        assert len(found) == 2
        for item in found:
            addresses = {entry["metadata"]["serverAddress"] for entry in item.inputs["spec"]["triggers"]}
            assert addresses == {"https://aps-workspaces.eu-central-1.amazonaws.com/workspaces/ws-1"}

    def test_preview_and_update_have_the_same_resources(self, amp: Graph) -> None:
        recorder = deploy(build(builders.prod(monitoring={"stack": "amp"})))
        assert inventory(item.typ for item in recorder.resources) == inventory(item.type for item in amp)


class TestPlainAutoscaler:
    def test_it_has_the_same_marks(self, plain: Graph) -> None:
        spec = manifest(plain, "HorizontalPodAutoscaler", "model-chat")["spec"]
        assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 8)
        assert spec["metrics"] == [
            {
                "type": "Pods",
                "pods": {
                    "metric": {"name": name},
                    "target": {"type": "AverageValue", "averageValue": mark},
                },
            }
            for name, mark in (("inferstack_requests_waiting", "2"), ("inferstack_requests_in_flight", "13"))
        ]
        assert spec["behavior"] == scaling.behaviour(builders.server_spec(builders.PLAN))

    def test_the_adapter_serves_exactly_these_metrics(self, plain: Graph) -> None:
        rules = autoscaling.adapter_values()["rules"]
        assert [rule["name"]["as"] for rule in rules["custom"]] == [scaling.WAITING, scaling.IN_FLIGHT]
        assert rules["custom"][1]["metricsQuery"] == (
            "sum by (<<.GroupBy>>) (vllm:num_requests_running{<<.LabelMatchers>>})"
            " + sum by (<<.GroupBy>>) (vllm:num_requests_waiting{<<.LabelMatchers>>})"
        )

    def test_keda_is_not_installed_for_it(self, plain: Graph) -> None:
        facts = one(plain, "inferstack:index:Autoscaling").inputs
        assert set(facts["charts"]) == {"prometheus-adapter"}
        assert not plain.of_type("kubernetes:keda.sh/v1alpha1:ScaledObject")
        assert "replicas" not in manifest(plain, "Deployment", "model-chat")["spec"]


class TestFixed:
    def test_asked_for(self) -> None:
        graph = preview(build(with_capacity({}, autoscaling="none")))
        assert manifest(graph, "Deployment", "model-chat")["spec"]["replicas"] == 3
        assert not graph.of_type("inferstack:index:Autoscaling")

    def test_without_metrics(self, dev: Graph) -> None:
        assert manifest(dev, "Deployment", "model-assistant")["spec"]["replicas"] == 1
        assert one(dev, "inferstack:index:VllmService").inputs["autoscaling"] == "none"


def test_keda_runs_twice_on_system_nodes_and_watches_only_the_servers(prod: Graph) -> None:
    release = one(prod, "kubernetes:helm.sh/v3:Release", "prod-eu-autoscaling-keda").inputs
    assert (release["chart"], release["version"], release["namespace"]) == ("keda", "2.20.2", "keda")
    values = release["values"]
    assert values == autoscaling.keda_values("inferstack-prod-eu")
    assert values["nodeSelector"] == {"inferstack.dev/pool": "system"}
    assert values["watchNamespace"] == "llm-serving"
    assert (values["operator"]["replicaCount"], values["metricsServer"]["replicaCount"]) == (2, 2)
    assert (
        manifest(prod, "Namespace", "keda")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        == "restricted"
    )


def test_a_scaled_server_states_no_number() -> None:
    spec = builders.server_spec(builders.PLAN)
    assert "replicas" not in vllm_objects.deployment(spec, scaled=True)["spec"]
    assert vllm_objects.deployment(spec)["spec"]["replicas"] == 3


def test_a_cluster_that_runs_keda_gets_no_second_one() -> None:
    def program() -> None:
        args = autoscaling.AutoscalingArgs(
            environment="prod-eu",
            place=iam.Place(account="123456789012", region="eu-central-1", cluster="shared"),
            kinds=("keda",),
            workspace_endpoint="https://aps.example/workspaces/ws-1/",
            pins=load_pins(),
            depends_on=[],
            keda_exists=True,
        )
        made = autoscaling.Autoscaling("a", args)
        assert len(made.ready["keda"]) == 1

    graph = preview(program)
    assert inventory(item.type for item in graph) == {
        "inferstack:index:Autoscaling": 1, "kubernetes:keda.sh/v1alpha1:TriggerAuthentication": 1
    }  # fmt: skip
    assert one(graph, "inferstack:index:Autoscaling").inputs["charts"] == {}
