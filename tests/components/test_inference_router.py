"""The inference router: what it is made of, who gets one, and how its parts fit what stands around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from components import router_config
from components.gateway_times import GatewayTimes
from components.metrics import load_metrics
from components.pins import load_pins
from components.router_config import ADAPTER_SCORER, SCORERS, RouterNames, leave_s, picker_config
from components.vllm_pod import CLIENT_KEEP_ALIVE_S
from inferstack.engine.graph import Graph
from tests.components import builders
from tests.components.running import build, manifest, preview

GATEWAY = {"host": "llm.example.eu", "routing": "prefix-aware"}
SERVING = "llm-serving"
WORKLOAD = "inferstack.dev/workload"


def routed(**changes: Any) -> Graph:
    return preview(build(builders.prod(**{"gateway": GATEWAY, **changes})))


def staging(*, max_replicas: int) -> Graph:
    """One replica of a small model, by plan and, where allowed, more by load."""
    cloud = {"account": "111122223333", "region": "us-west-2", "zones": 2}
    tags = {"environment": "staging"}
    spec = builders.environment(
        "staging", cloud=cloud, tags=tags, gateway=GATEWAY, monitoring={"stack": "none"}
    )
    plan = builders.small_plan(workload="chat", served_model_name="chat", max_replicas=max_replicas)
    assert plan.chosen.replicas == 1
    pair = (builders.workload("chat", "Qwen/Qwen3-8B"), plan)
    return preview(build(builders.arguments(spec, builders.US_ZONES, pair)))


@pytest.fixture(scope="module")
def graph() -> Graph:
    return routed()


@pytest.fixture(scope="module")
def envoy(graph: Graph) -> Mapping[str, Any]:
    return config(graph, "Deployment", "router-chat", "envoy.yaml")


def pod(graph: Graph, kind: str, name: str) -> Any:
    return manifest(graph, kind, name)["spec"]["template"]["spec"]


def config(graph: Graph, kind: str, name: str, file: str) -> Mapping[str, Any]:
    volume = pod(graph, kind, name)["volumes"][0]["configMap"]["name"]
    return dict(yaml.safe_load(manifest(graph, "ConfigMap", volume)["data"][file]))


def routers(graph: Graph) -> list[str]:
    return [one.inputs["workload"] for one in graph.of_type("inferstack:index:InferenceRouter")]


def gateway_urls(graph: Graph) -> dict[str, str]:
    document = config(graph, "Deployment", "litellm", "config.yaml")
    return {item["model_name"]: item["litellm_params"].get("api_base", "") for item in document["model_list"]}


def test_it_is_made_of_exactly_this(graph: Graph) -> None:
    router = next(iter(graph.of_type("inferstack:index:InferenceRouter")))
    kinds = Counter(one.type.rpartition(":")[2] for one in graph if router in graph.ancestors(one))
    assert kinds == {
        "ConfigMap": 2,
        "Deployment": 1,
        "InferencePool": 1,
        "NetworkPolicy": 2,
        "PodDisruptionBudget": 2,
        "Role": 1,
        "RoleBinding": 1,
        "Service": 3,
        "ServiceAccount": 2,
        "StatefulSet": 1,
    }


class TestWhoGetsOne:
    def test_generative_workloads_of_several_replicas(self, graph: Graph) -> None:
        assert routers(graph) == ["chat"]
        assert gateway_urls(graph)["chat"] == "http://router-chat.llm-serving.svc.cluster.local:8000/v1"

    def test_not_those_that_make_vectors(self, graph: Graph) -> None:
        assert "embed" not in routers(graph)
        assert gateway_urls(graph)["embed"] == "http://model-embed.llm-serving.svc.cluster.local:8000/v1"

    def test_nobody_by_default(self) -> None:
        plain = routed(gateway={"host": "llm.example.eu"})
        assert routers(plain) == []
        assert not [one for one in plain if "CustomResourceDefinition" in one.type]
        assert gateway_urls(plain)["chat"] == "http://model-chat.llm-serving.svc.cluster.local:8000/v1"

    def test_not_one_replica(self) -> None:
        assert routers(staging(max_replicas=1)) == []
        assert routers(staging(max_replicas=2)) == ["chat"], "one now, and a second when it is busy"

    def test_groups_of_nodes_by_their_leaders(self) -> None:
        found = preview(build(builders.groups(gateway=GATEWAY)))
        name = routers(found)[0]
        selector = manifest(found, "InferencePool", f"model-{name}")["spec"]["selector"]["matchLabels"]
        assert selector["leaderworkerset.sigs.k8s.io/worker-index"] == "0"
        assert selector == manifest(found, "Service", f"model-{name}-entry")["spec"]["selector"]
        places = addresses(config(found, "Deployment", f"router-{name}", "envoy.yaml"))
        assert f"model-{name}-entry.llm-serving.svc.cluster.local" in places


class TestThePool:
    def test_holds_the_pods_of_the_service(self, graph: Graph) -> None:
        spec, service = (
            manifest(graph, "InferencePool", "model-chat")["spec"],
            manifest(graph, "Service", "model-chat"),
        )
        assert spec["selector"]["matchLabels"] == service["spec"]["selector"]
        assert [port["number"] for port in spec["targetPorts"]] == [service["spec"]["ports"][0]["port"]]

    def test_names_the_picker(self, graph: Graph) -> None:
        reference = manifest(graph, "InferencePool", "model-chat")["spec"]["endpointPickerRef"]
        service = manifest(graph, "Service", reference["name"])["spec"]
        assert reference["port"]["number"] == service["ports"][0]["port"]
        assert (
            service["selector"]
            == manifest(graph, "StatefulSet", "picker-chat")["spec"]["selector"]["matchLabels"]
        )
        assert reference["failureMode"] == "FailOpen"

    def test_its_kind_is_there_before_it(self, graph: Graph) -> None:
        kind = next(one for one in graph if one.type.endswith(":CustomResourceDefinition"))
        pool = next(one for one in graph if one.type.endswith(":InferencePool"))
        assert kind.urn in pool.dependencies

    def test_a_cluster_that_has_the_kind_keeps_its_own(self) -> None:
        existing = {**builders.CLUSTER, "provides": ["inference-pool"]}
        found = preview(build(builders.adopted_cluster(cluster={"existing": existing}, gateway=GATEWAY)))
        assert routers(found) == ["chat"]
        assert not [one for one in found if "CustomResourceDefinition" in one.type]


class TestThePods:
    @pytest.mark.parametrize(
        ("kind", "name"), [("Deployment", "router-chat"), ("StatefulSet", "picker-chat")]
    )
    def test_are_two_on_system_nodes_without_rights_on_them(self, graph: Graph, kind: str, name: str) -> None:
        spec = pod(graph, kind, name)
        assert manifest(graph, kind, name)["spec"]["replicas"] == 2
        assert spec["nodeSelector"] == {"inferstack.dev/pool": "system"}
        assert spec["securityContext"]["runAsNonRoot"] is True
        container = spec["containers"][0]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)

    def test_are_one_each_outside_production(self) -> None:
        found = staging(max_replicas=3)
        assert manifest(found, "StatefulSet", "picker-chat")["spec"]["replicas"] == 1
        document = config(found, "Deployment", "router-chat", "envoy.yaml")
        assert [name for name in addresses(document) if name.startswith("picker-")] == [
            "picker-chat-0.picker-chat-each.llm-serving.svc.cluster.local"
        ]

    def test_have_room_on_the_nodes_that_are_billed(self) -> None:
        """tests/cluster/test_router_room.py schedules them there."""
        for replicas, nodes in ((1, 2), (2, 3)):
            cluster = next(iter(staging(max_replicas=replicas).of_type("inferstack:index:Cluster")))
            assert cluster.inputs["systemNodes"] == nodes
            assert cluster.inputs["systemNodesMax"] >= nodes + 2

    def test_are_not_taken_for_the_workloads_own(self, graph: Graph) -> None:
        """Scalers, budgets and alerts select pods by the workload's label."""
        for kind, name in (("Deployment", "router-chat"), ("StatefulSet", "picker-chat")):
            assert WORKLOAD not in manifest(graph, kind, name)["spec"]["template"]["metadata"]["labels"]

    def test_the_picker_may_look_and_nothing_else(self, graph: Graph) -> None:
        rules = manifest(graph, "Role", "picker-chat")["rules"]
        assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "watch"}
        assert {name for rule in rules for name in rule["resources"]} == {"pods", "inferencepools"}
        assert not [one for one in graph if one.type.endswith((":ClusterRole", ":ClusterRoleBinding"))]
        assert pod(graph, "StatefulSet", "picker-chat")["automountServiceAccountToken"] is True
        assert pod(graph, "Deployment", "router-chat")["automountServiceAccountToken"] is False


class TestWhoReachesWhom:
    def test_the_gateway_alone_reaches_the_proxy(self, graph: Graph) -> None:
        ingress = manifest(graph, "NetworkPolicy", "router-chat")["spec"]["ingress"]
        served = next(rule for rule in ingress if rule["ports"][0]["port"] == 8000)
        assert served["from"] == [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "llm-gateway"}},
                "podSelector": {"matchLabels": {"app.kubernetes.io/name": "litellm"}},
            }
        ]

    def test_proxies_alone_ask_the_picker(self, graph: Graph) -> None:
        ingress = manifest(graph, "NetworkPolicy", "picker-chat")["spec"]["ingress"]
        asked = next(rule for rule in ingress if rule["ports"][0]["port"] == 9002)
        assert asked["from"] == [
            {"podSelector": manifest(graph, "Deployment", "router-chat")["spec"]["selector"]}
        ]

    def test_both_reach_the_replicas_of_their_own_workload(self, graph: Graph) -> None:
        own = manifest(graph, "NetworkPolicy", "model-chat")["spec"]["ingress"][0]["from"]
        labels = [peer["podSelector"]["matchLabels"] for peer in own if "namespaceSelector" not in peer]
        assert labels == [
            manifest(graph, "Deployment", "router-chat")["spec"]["selector"]["matchLabels"],
            manifest(graph, "StatefulSet", "picker-chat")["spec"]["selector"]["matchLabels"],
        ]
        other = manifest(graph, "NetworkPolicy", "model-embed")["spec"]["ingress"][0]["from"]
        assert not [peer for peer in other if "namespaceSelector" not in peer]

    @pytest.mark.parametrize("name", ["router-chat", "picker-chat"])
    def test_nothing_leaves_the_network(self, graph: Graph, name: str) -> None:
        for rule in manifest(graph, "NetworkPolicy", name)["spec"]["egress"][1:]:
            for peer in rule["to"]:
                assert "podSelector" in peer or peer["ipBlock"]["cidr"] != "0.0.0.0/0"


def addresses(node: Any) -> Iterator[str]:
    if isinstance(node, dict) and "socket_address" in node:
        yield node["socket_address"]["address"]
    elif isinstance(node, dict | list):
        for item in node.values() if isinstance(node, dict) else node:
            yield from addresses(item)


class TestTheProxy:
    def test_leads_nowhere_but_to_the_workload(self, envoy: Mapping[str, Any]) -> None:
        suffix = "llm-serving.svc.cluster.local"
        assert set(addresses(envoy)) == {
            "0.0.0.0",
            "127.0.0.1",
            f"model-chat.{suffix}",
            f"picker-chat-0.picker-chat-each.{suffix}",
            f"picker-chat-1.picker-chat-each.{suffix}",
        }

    def test_names_that_dns_will_know(self, graph: Graph, envoy: Mapping[str, Any]) -> None:
        each = manifest(graph, "Service", "picker-chat-each")["spec"]
        assert each["clusterIP"] == "None"
        assert manifest(graph, "StatefulSet", "picker-chat")["spec"]["serviceName"] == "picker-chat-each"

    def test_waits_fit_the_chain(self, envoy: Mapping[str, Any]) -> None:
        listeners = {one["name"]: one for one in envoy["static_resources"]["listeners"]}
        entry = listeners["entry"]["filter_chains"][0]["filters"][0]["typed_config"]
        clusters = {one["name"]: one for one in envoy["static_resources"]["clusters"]}
        times = GatewayTimes(attempt_s=600, attempts=2)
        idle = entry["common_http_protocol_options"]["idle_timeout"]
        assert seconds(idle) > times.client_keep_alive_s, "the gateway drops idle connections first"
        assert seconds(entry["stream_idle_timeout"]) > times.attempt_s, "the gateway gives up first"
        for name in ("model", "picked"):
            options = next(iter(clusters[name]["typed_extension_protocol_options"].values()))
            kept = options["common_http_protocol_options"]["idle_timeout"]
            assert seconds(kept) < CLIENT_KEEP_ALIVE_S, "the proxy drops idle connections before vLLM does"

    def test_leaves_when_its_last_request_is_over(self, graph: Graph, envoy: Mapping[str, Any]) -> None:
        spec = pod(graph, "Deployment", "router-chat")
        sleeps = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert sleeps == leave_s(GatewayTimes(attempt_s=600, attempts=2))
        assert sleeps > router_config.CONNECTION_S + 600
        assert spec["terminationGracePeriodSeconds"] > sleeps

    def test_a_new_configuration_rolls_the_pods(self, graph: Graph) -> None:
        later = routed(gateway={**GATEWAY, "timeout": "2m"})
        names = [
            pod(one, "Deployment", "router-chat")["volumes"][0]["configMap"]["name"] for one in (graph, later)
        ]
        assert names[0] != names[1]


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


class TestThePicker:
    def test_reads_what_the_pinned_vllm_exports(self) -> None:
        """The release's default names for vLLM (pkg/epp/server/options.go); it is told of no others."""
        metrics = load_metrics(load_pins().image("vllm").version)
        for name in router_config.SCORED:
            assert metrics.exported(name), name

    def test_prefers_the_cache_unless_the_replica_is_busy(self) -> None:
        """The prefix alone never outweighs queue and cache use together."""
        weights = {one.name: one.weight for one in SCORERS}
        busy = weights["queue-scorer"] + weights["kv-cache-utilization-scorer"]
        assert weights["queue-scorer"] < weights["prefix-cache-scorer"] < busy

    def test_knows_adapters_where_there_are_some(self) -> None:
        for adapters in (False, True):
            document = picker_config(adapters=adapters)
            listed = [one["type"] for one in document["plugins"]]
            used = {one["pluginRef"]: one["weight"] for one in document["schedulingProfiles"][0]["plugins"]}
            assert listed == list(used)
            assert (ADAPTER_SCORER.name in used) is adapters

    def test_is_told_of_this_pool(self, graph: Graph) -> None:
        arguments = pod(graph, "StatefulSet", "picker-chat")["containers"][0]["args"]
        assert {"--pool-name=model-chat", f"--pool-namespace={SERVING}", "--tracing=false"} <= set(arguments)


class TestMonitoring:
    def test_both_are_scraped_by_names_their_pods_have(self, graph: Graph) -> None:
        for monitor, kind, name in (
            ("routers", "Deployment", "router-chat"),
            ("endpoint-pickers", "StatefulSet", "picker-chat"),
        ):
            spec = manifest(graph, "PodMonitor", monitor)["spec"]
            template = manifest(graph, kind, name)["spec"]["template"]
            assert spec["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
            ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
            assert spec["podMetricsEndpoints"][0]["port"] in ports
            assert spec["podMetricsEndpoints"][0]["relabelings"][0]["targetLabel"] == "router"

    def test_who_scrapes_may_reach_those_ports(self, graph: Graph) -> None:
        for name, port in (("router-chat", 8002), ("picker-chat", 9090)):
            rules = manifest(graph, "NetworkPolicy", name)["spec"]["ingress"]
            found = next(rule for rule in rules if rule["ports"][0]["port"] == port)
            assert found["from"][0]["namespaceSelector"]["matchLabels"] == {
                "kubernetes.io/metadata.name": "monitoring"
            }

    def test_alerts_come_with_the_router(self, graph: Graph) -> None:
        groups = manifest(graph, "PrometheusRule", "inferstack")["spec"]["groups"]
        own = {
            group["name"]: {
                rule["alert"] for rule in group["rules"] if rule.get("alert", "").startswith("Router")
            }
            for group in groups
        }
        assert own["inferstack.chat"] == {
            "RouterDown",
            "RouterPickerDown",
            "RouterNotChosen",
            "RouterSeesNoReplica",
        }
        assert not own["inferstack.embed"]


@pytest.mark.parametrize("workload", ["a", "x" * 63, "Chat.V2", "a-" * 31])
def test_names_fit_whatever_the_workload_is_called(workload: str) -> None:
    names = RouterNames(workload=workload)
    revision = f"{names.picker}-{'0' * 10}"
    for name in (names.proxy, f"{names.picker}-1", names.pickers, names.pool, revision):
        assert len(name) <= 63
    assert len({names.proxy, names.picker, names.pickers, names.pool}) == 4
