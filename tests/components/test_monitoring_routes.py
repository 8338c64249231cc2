"""Who is told of alerts, where traces go, what the managed stack is made of."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from components import trace_collector
from components.metrics import load_metrics
from components.pins import load_pins
from components.trace_collector import PROMPTS, TraceSpec, configuration
from inferstack.engine.graph import Graph
from inferstack.errors import InputError
from inferstack.resources import UNKNOWN
from tests.components import builders
from tests.components.running import build, deploy, inventory, manifest, one, preview
from tests.components.sdk import mismatches
from tests.queries.collect import queries
from tests.queries.lint import lint

CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/abc"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:on-call"
OWN_TOPIC = "arn:aws:sns:eu-central-1:123456789012:inferstack-prod-eu-alerts"
RELEASE = ("kubernetes:helm.sh/v3:Release", "prod-eu-monitoring-prometheus")


def prod_with(**monitoring: Any) -> Graph:
    return preview(build(builders.prod(monitoring=monitoring)))


def values(graph: Graph) -> dict[str, Any]:
    return dict(one(graph, *RELEASE).inputs["values"])  # type: ignore[arg-type]


def statements(graph: Graph, name: str) -> list[dict[str, Any]]:
    policy = one(graph, "aws:iam/rolePolicy:RolePolicy", name).inputs["policy"]
    return list(json.loads(str(policy))["Statement"])


@pytest.fixture(scope="module")
def mailed() -> Graph:
    return prod_with(stack="prometheus", alerts={"emails": ["a@example.eu", "b@example.eu"]})


@pytest.fixture(scope="module")
def told() -> Graph:
    """An existing topic, published runbooks, a certificate as given."""
    return preview(
        build(
            builders.prod(
                monitoring={"alerts": {"topicArn": TOPIC, "runbooks": "https://wiki.example.eu/runbooks/"}},
                gateway={"host": "llm.example.eu", "certificateArn": CERTIFICATE},
            )
        )
    )


class TestInTheCluster:
    def test_nobody_is_told_by_default(self, prod: Graph) -> None:
        config = values(prod)["alertmanager"]["config"]
        assert config["route"]["receiver"] == "nobody"
        assert config["receivers"] == [{"name": "nobody"}]
        assert prod.of_type("aws:sns/topic:Topic") == ()

    def test_mail_goes_through_a_topic_of_the_environment(self, mailed: Graph) -> None:
        graph = mailed
        assert one(graph, "aws:sns/topic:Topic").inputs["name"] == "inferstack-prod-eu-alerts"
        mails = graph.of_type("aws:sns/topicSubscription:TopicSubscription")
        assert sorted(str(item.inputs["endpoint"]) for item in mails) == ["a@example.eu", "b@example.eu"]
        team = values(graph)["alertmanager"]["config"]["receivers"][1]
        assert team["sns_configs"][0]["topic_arn"] == OWN_TOPIC
        assert team["sns_configs"][0]["sigv4"] == {"region": "eu-central-1"}
        (publish,) = statements(graph, "prod-eu-monitoring-alertmanager")
        assert publish == {"Effect": "Allow", "Action": ["sns:Publish"], "Resource": [OWN_TOPIC]}
        account = one(
            graph, "aws:eks/podIdentityAssociation:PodIdentityAssociation", "prod-eu-monitoring-alertmanager"
        )
        assert account.inputs["serviceAccount"] == "kube-prometheus-stack-alertmanager"
        services = [
            str(item.inputs["serviceName"]) for item in graph.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")
        ]
        assert "com.amazonaws.eu-central-1.sns" in services

    def test_who_may_publish_to_the_topic(self, mailed: Graph) -> None:
        policy = json.loads(str(one(mailed, "aws:sns/topicPolicy:TopicPolicy").inputs["policy"]))
        (allowed,) = policy["Statement"]
        assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}

    def test_an_existing_topic_is_used_as_it_is(self, told: Graph) -> None:
        assert told.of_type("aws:sns/topic:Topic") == ()
        assert one(told, "inferstack:index:Monitoring").inputs["alertTopic"] == TOPIC

    def test_pages_are_grouped_and_silence_their_tickets(self, told: Graph) -> None:
        config = values(told)["alertmanager"]["config"]
        assert config["route"]["receiver"] == "team"
        assert config["route"]["group_by"] == ["alertname", "workload"]
        assert config["inhibit_rules"][0]["equal"] == ["alertname", "workload"]
        assert {route["receiver"] for route in config["route"]["routes"]} == {"nobody"}

    def test_a_webhook_is_read_from_a_secret(self) -> None:
        from dataclasses import replace

        args = builders.prod(monitoring={"alerts": {"webhook": True}})
        settings = replace(args.settings, alert_webhook="https://hooks.example.eu/T0KEN")
        graph = preview(build(replace(args, settings=settings)))
        assert "T0KEN" not in repr(values(graph))
        found = values(graph)["alertmanager"]
        assert found["config"]["receivers"][1]["webhook_configs"][0]["url_file"].endswith(
            "/alert-webhook/url"
        )
        assert found["alertmanagerSpec"]["secrets"] == ["alert-webhook"]
        assert manifest(graph, "Secret", "alert-webhook")["metadata"]["namespace"] == "monitoring"

    def test_up_asks_for_the_webhook(self) -> None:
        args = builders.prod(monitoring={"alerts": {"webhook": True}})
        with pytest.raises(InputError, match="inferstack:alertWebhook"):
            deploy(build(args))
        graph = preview(build(args))
        assert "alertWebhook" in one(graph, "inferstack:index:InferenceEnvironment").inputs["missingSecrets"]

    def test_runbooks_may_be_published(self, told: Graph) -> None:
        rule = manifest(told, "PrometheusRule", "inferstack")["spec"]["groups"][-1]["rules"][0]
        assert rule["annotations"]["runbook_url"] == "https://wiki.example.eu/runbooks/ClusterStateMissing.md"

    def test_the_certificate_is_watched_where_somebody_is_told(self, prod: Graph, told: Graph) -> None:
        assert prod.of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == ()
        alarm = one(told, "aws:cloudwatch/metricAlarm:MetricAlarm").inputs
        assert alarm["dimensions"] == {"CertificateArn": CERTIFICATE}
        assert (alarm["metricName"], alarm["threshold"]) == ("DaysToExpiry", 21)
        assert alarm["alarmActions"] == [TOPIC]
        assert alarm["comparisonOperator"] == "LessThanThreshold"


class TestTraces:
    def test_servers_sample_and_send_to_the_collector(self, prod: Graph) -> None:
        pod = manifest(prod, "Deployment", "model-chat")["spec"]["template"]["spec"]["containers"][0]
        arguments = pod["args"]
        endpoint = arguments[arguments.index("--otlp-traces-endpoint") + 1]
        assert endpoint == "http://otel-collector.monitoring.svc:4317"
        env = {item["name"]: item["value"] for item in pod["env"]}
        assert env["OTEL_TRACES_SAMPLER"] == "traceidratio"
        assert env["OTEL_TRACES_SAMPLER_ARG"] == "0.01"
        assert env["OTEL_SERVICE_NAME"] == "chat"
        egress = manifest(prod, "NetworkPolicy", "model-chat")["spec"]["egress"]
        assert [4317] in [[port["port"] for port in rule["ports"]] for rule in egress if "ports" in rule]

    def test_the_collector_sends_to_x_ray_of_the_region(self, prod: Graph) -> None:
        (name,) = {
            item.inputs["metadata"]["name"]  # type: ignore[index]
            for item in prod
            if item.type == "kubernetes:core/v1:ConfigMap"
            if str(item.inputs["metadata"]["name"]).startswith("otel-collector")  # type: ignore[index]
        }
        text = manifest(prod, "ConfigMap", name)["data"][trace_collector.CONFIG]
        config = yaml.safe_load(text)
        assert config["exporters"] == {
            "awsxray": {"endpoint": "https://xray.eu-central-1.amazonaws.com", "region": "eu-central-1"}
        }
        pod = manifest(prod, "Deployment", "otel-collector")["spec"]["template"]["spec"]
        assert pod["volumes"][0]["configMap"]["name"] == name
        assert "@sha256:" in pod["containers"][0]["image"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        (write,) = statements(prod, "prod-eu-monitoring-traces")
        assert write["Action"] == ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]

    def test_another_store_gets_them_without_rights_in_aws(self) -> None:
        traces = {"exporter": "otlp", "endpoint": "https://otlp.example.eu"}
        graph = prod_with(traces=traces)
        assert not [item for item in graph if item.name == "prod-eu-monitoring-traces" and "iam" in item.type]
        assert one(graph, "inferstack:index:Monitoring").inputs["tracesTo"] == "https://otlp.example.eu"

    @pytest.mark.parametrize("monitoring", [{"sampling": "0%"}, {"stack": "none"}])
    def test_without_sampling_nothing_is_traced(self, monitoring: dict[str, Any]) -> None:
        graph = prod_with(**monitoring)
        names = {
            item.inputs["metadata"]["name"] for item in graph if item.type == "kubernetes:apps/v1:Deployment"
        }  # type: ignore[index]
        assert "otel-collector" not in names
        assert "--otlp-traces-endpoint" not in repr([item.inputs for item in graph])

    @pytest.mark.parametrize(
        "attribute",
        [
            "gen_ai.prompt",
            "gen_ai.prompt.0.content",
            "gen_ai.completion",
            "gen_ai.input.messages",
            "gen_ai.output.messages",
            "gen_ai.system_instructions",
            "llm.prompts",
            "input.value",
            "http.request.body",
            "exception.message",
        ],
    )
    def test_what_was_written_is_dropped(self, attribute: str) -> None:
        assert re.search(PROMPTS, attribute)

    @pytest.mark.parametrize(
        "attribute",
        [
            "gen_ai.usage.prompt_tokens",
            "gen_ai.usage.completion_tokens",
            "gen_ai.usage.input_tokens",
            "gen_ai.request.max_tokens",
            "gen_ai.request.id",
            "gen_ai.latency.time_to_first_token",
            "gen_ai.latency.e2e",
            "gen_ai.response.model",
        ],
    )
    def test_counts_and_times_stay(self, attribute: str) -> None:
        assert not re.search(PROMPTS, attribute)

    def test_prompts_are_dropped_before_anything_leaves_unless_wanted(self) -> None:
        spec = TraceSpec(
            image=load_pins().image("otel-collector"),
            region="eu-west-1",
            replicas=1,
            endpoint=None,
            prompts=False,
        )
        pipeline = configuration(spec)["service"]["pipelines"]["traces"]["processors"]
        assert pipeline.index("transform/prompts") < pipeline.index("batch")
        drop = configuration(spec)["processors"]["transform/prompts"]
        assert {item["context"] for item in drop["trace_statements"]} == {"span", "spanevent"}
        from dataclasses import replace

        kept = configuration(replace(spec, prompts=True))
        assert "transform/prompts" not in json.dumps(kept)


AMP = {
    "aws:amp/alertManagerDefinition:AlertManagerDefinition": 1,
    "aws:amp/ruleGroupNamespace:RuleGroupNamespace": 1,
    "aws:amp/workspace:Workspace": 1,
    "aws:amp/workspaceConfiguration:WorkspaceConfiguration": 1,
}


@pytest.fixture(scope="module")
def amp() -> Graph:
    return prod_with(stack="amp", retention="30d", alerts={"emails": ["a@example.eu"]})


class TestManaged:
    def test_rules_are_judged_in_the_workspace(self, amp: Graph) -> None:
        rules = yaml.safe_load(str(one(amp, "aws:amp/ruleGroupNamespace:RuleGroupNamespace").inputs["data"]))
        assert rules["groups"][0]["name"] == "inferstack.chat"
        assert not [item for item in amp if item.type.endswith(":PrometheusRule")]
        assert "ClusterAlertFires" in json.dumps(rules)
        assert lint(queries(amp), load_metrics("0.33.0")) == []

    def test_its_alert_manager_tells_and_the_clusters_does_not(self, amp: Graph) -> None:
        definition = one(amp, "aws:amp/alertManagerDefinition:AlertManagerDefinition").inputs["definition"]
        config = yaml.safe_load(yaml.safe_load(str(definition))["alertmanager_config"])
        assert config["receivers"][1]["sns_configs"][0]["topic_arn"] == OWN_TOPIC
        assert values(amp)["alertmanager"]["enabled"] is False
        policy = json.loads(str(one(amp, "aws:sns/topicPolicy:TopicPolicy").inputs["policy"]))
        assert [item["Principal"]["Service"] for item in policy["Statement"]] == [
            "cloudwatch.amazonaws.com",
            "aps.amazonaws.com",
        ]

    def test_grafana_in_the_cluster_reads_the_workspace(self, amp: Graph) -> None:
        grafana = values(amp)["grafana"]
        (source,) = grafana["additionalDataSources"]
        assert source["type"] == "grafana-amazonprometheus-datasource"
        assert grafana["plugins"] == [source["type"]]
        (read,) = statements(amp, "prod-eu-monitoring-grafana")
        assert "aps:RemoteWrite" not in read["Action"]
        assert read["Condition"] == {
            "StringEquals": {"aws:ResourceTag/inferstack.dev/environment": "prod-eu"}
        }
        board = json.loads(manifest(amp, "ConfigMap", "inferstack-serving")["data"]["serving.json"])
        assert board["templating"]["list"][0]["query"] == source["type"]

    def test_the_history_is_as_long_as_asked(self, amp: Graph) -> None:
        kind = "aws:amp/workspaceConfiguration:WorkspaceConfiguration"
        assert one(amp, kind).inputs["retentionPeriodInDays"] == 30
        assert values(amp)["prometheus"]["prometheusSpec"]["retention"] == "1d"

    def test_a_managed_grafana_may_read_this_workspace(self) -> None:
        graph = prod_with(stack="amp", grafana="amg")
        assert values(graph)["grafana"]["enabled"] is False
        workspace = one(graph, "aws:grafana/workspace:Workspace").inputs
        assert workspace["authenticationProviders"] == ["AWS_SSO"]
        assert workspace["roleArn"] is UNKNOWN
        listed, read = statements(graph, "prod-eu-monitoring-grafana")
        assert listed["Action"] == ["aps:ListWorkspaces"]
        assert "aps:QueryMetrics" in read["Action"]

    def test_without_grafana_none_is_installed(self) -> None:
        assert values(prod_with(grafana="none"))["grafana"]["enabled"] is False

    def test_the_managed_parts_are_all_there_and_known_to_the_sdk(self) -> None:
        graph = prod_with(stack="amp", grafana="amg", alerts={"emails": ["a@example.eu"]})
        found = inventory(item.type for item in graph)
        wanted = {**AMP, "aws:grafana/workspace:Workspace": 1, "aws:sns/topic:Topic": 1}
        assert {kind: found[kind] for kind in wanted} == wanted
        managed = [
            item
            for item in graph
            if item.type.startswith(("aws:amp", "aws:sns", "aws:grafana", "aws:cloudwatch/metricAlarm"))
        ]
        assert len(managed) == 9
        assert [problem for item in managed for problem in mismatches(item.type, item.inputs)] == []
        args = builders.prod(
            monitoring={"stack": "amp", "grafana": "amg", "alerts": {"emails": ["a@example.eu"]}}
        )
        assert inventory(item.typ for item in deploy(build(args)).resources) == found
