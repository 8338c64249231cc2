"""A workload reached through its inference router: INF-RES-011 and INF-RES-012 judge what the router does."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from gateway_graphs import ADDRESS, BEDROCK, OPENAI, OWN, config, entry, gateway
from policy_graphs import ENVIRONMENT, STACK, messages, outcome, resource

from inferstack.policy.types import Outcome
from inferstack.resources import UNKNOWN, Resource

RULES = ("INF-RES-011", "INF-RES-012")
ROUTER = f"{STACK}inferstack:index:InferenceRouter::chat-router"
LABELS = {"app.kubernetes.io/name": "vllm", "inferstack.dev/workload": "chat"}
MODEL = "model-chat.llm-serving.svc.cluster.local"
PICKER = "picker-chat-0.picker-chat-each.llm-serving.svc.cluster.local"
ROUTED = {**OWN, "api_base": "http://router-chat.llm-serving.svc.cluster.local:8000/v1"}


def cluster(name: str, *addresses: Any) -> dict[str, Any]:
    places = [
        {"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": address}}}}]}
        for address in addresses
    ]
    return {"name": name, "type": "STRICT_DNS", "load_assignment": {"endpoints": places}}


CHOSEN = {"name": "picked", "type": "ORIGINAL_DST"}
USUAL = (cluster("model", "127.0.0.1", MODEL), CHOSEN, cluster("picker", PICKER))


def envoy(*clusters: Any) -> dict[str, Any]:
    return {"static_resources": {"clusters": list(clusters)}}


def routed(
    document: Any = None, *, pool: Any = None, pools: int = 1, members: Any = None, **more: Any
) -> dict[str, Resource]:
    """The compliant environment, its workload reached through a router. ``document`` may be text, or unknown."""
    text = yaml.safe_dump(envoy(*USUAL)) if document is None else document
    text = yaml.safe_dump(text) if isinstance(text, dict) else text
    found = gateway(members or config(entry("chat", ROUTED), entry("chat-fallback-1", BEDROCK)), **more)
    selector = {"spec": {"selector": {"matchLabels": LABELS if pool is None else pool}}}
    made = [
        resource("inferstack:index:InferenceRouter", "chat-router", {"workload": "chat"}, parent=ENVIRONMENT),
        resource("kubernetes:core/v1:ConfigMap", "proxy", {"data": {"envoy.yaml": text}}, parent=ROUTER),
        service("router-chat", {"routes": "chat"}),
        service("picker-chat-each", {"picks": "chat"}),
        *(
            resource(
                "kubernetes:inference.networking.k8s.io/v1:InferencePool",
                f"pool-{number}",
                selector,
                parent=ROUTER,
            )
            for number in range(pools)
        ),
    ]
    model = found[ADDRESS]
    inputs = {**model.inputs, "spec": {"selector": LABELS}}
    found[ADDRESS] = resource(model.type, model.name, inputs, parent=str(model.parent))
    return found | {one.urn: one for one in made}


def service(name: str, selector: Any) -> Resource:
    metadata = {"name": name, "namespace": "llm-serving"}
    inputs = {"metadata": metadata, "spec": {"selector": selector}}
    return resource("kubernetes:core/v1:Service", name, inputs, parent=ROUTER)


@pytest.mark.parametrize("rule", RULES)
def test_a_router_of_the_workload_is_its_own_backend(rule: str) -> None:
    assert outcome(routed(), rule) is Outcome.PASS


def test_ways_out_are_judged_by_the_data_behind_the_router() -> None:
    found = routed(members=config(entry("chat", ROUTED), entry("chat", OPENAI)))
    assert outcome(found, "INF-RES-011") is Outcome.FAIL
    restricted = routed(workload={"data.classification": "restricted"})
    assert "reachable for the restricted data of chat" in messages(restricted, "INF-RES-011")


ELSEWHERE = {
    "an address outside": envoy(*USUAL, cluster("spy", "198.51.100.7")),
    "a name outside": envoy(*USUAL, cluster("spy", "llm.example.com")),
    "a Service that is not there": envoy(*USUAL, cluster("spy", "model-other.llm-serving.svc.cluster.local")),
    "the model server of another namespace": envoy(
        cluster("model", "model-chat.other.svc.cluster.local"), CHOSEN
    ),
    "no model server": envoy(cluster("picker", PICKER), CHOSEN),
    "nothing": envoy(),
    "a cluster found at run time": envoy(*USUAL, {"name": "eds", "type": "EDS"}),
    "an unreadable address": envoy(*USUAL, cluster("spy", None)),
    "text that is not YAML": "{",
    "an unknown configuration": UNKNOWN,
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("case", ELSEWHERE)
def test_a_router_that_leads_elsewhere_is_never_a_pass(rule: str, case: str) -> None:
    assert outcome(routed(ELSEWHERE[case]), rule) is Outcome.INDETERMINATE


POOLS = {
    "of other pods": {"pool": {**LABELS, "inferstack.dev/workload": "other"}},
    "of more pods": {"pool": {"app.kubernetes.io/name": "vllm"}},
    "of all pods": {"pool": {}},
    "of pods not known": {"pool": UNKNOWN},
    "of a label not known": {"pool": {**LABELS, "inferstack.dev/workload": UNKNOWN}},
    "that is not there": {"pools": 0},
    "that is one of two": {"pools": 2},
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("case", POOLS)
def test_a_picker_that_chooses_among_other_pods_is_never_a_pass(rule: str, case: str) -> None:
    assert outcome(routed(**POOLS[case]), rule) is Outcome.INDETERMINATE


@pytest.mark.parametrize("rule", RULES)
def test_a_router_without_a_configuration_is_never_a_pass(rule: str) -> None:
    found = {urn: one for urn, one in routed().items() if one.name != "proxy"}
    assert outcome(found, rule) is Outcome.INDETERMINATE
