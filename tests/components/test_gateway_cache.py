"""The semantic cache: what it is made of, and whose answers it may keep."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import yaml

from inferstack.engine.graph import Graph
from inferstack.errors import InputError
from inferstack.resources import UNKNOWN
from tests.components import builders, sdk
from tests.components.running import build, manifest, one, preview


def environment(kind: str, **changes: Any) -> Any:
    cache = {"kind": kind, "embedding": "embed", **changes}
    section = {"host": "llm.example.eu", "waf": False, "tls": "none", "cache": cache}
    return builders.prod(gateway=section, monitoring={"stack": "none"})


@pytest.fixture(scope="module")
def inside() -> Graph:
    return preview(build(environment("in-cluster", ttl="2h", similarity="90%")))


@pytest.fixture(scope="module")
def managed() -> Graph:
    return preview(build(environment("elasticache")))


def config(graph: Graph) -> dict[str, Any]:
    pod = manifest(graph, "Deployment", "litellm")["spec"]["template"]["spec"]
    text = manifest(graph, "ConfigMap", pod["volumes"][0]["configMap"]["name"])["data"]["config.yaml"]
    return dict(yaml.safe_load(text))


def kinds(graph: Graph) -> dict[str, int]:
    return dict(Counter(item.type for item in graph if item.name == "prod-eu-gateway-cache"))


def test_in_the_cluster_it_makes_exactly_this(inside: Graph) -> None:
    assert kinds(inside) == {
        "kubernetes:apps/v1:Deployment": 1,
        "kubernetes:core/v1:ConfigMap": 1,
        "kubernetes:core/v1:Service": 1,
        "kubernetes:core/v1:ServiceAccount": 1,
        "kubernetes:networking.k8s.io/v1:NetworkPolicy": 1,
    }


def test_elasticache_makes_exactly_this(managed: Graph) -> None:
    assert kinds(managed) == {
        "aws:ec2/securityGroup:SecurityGroup": 1,
        "aws:elasticache/parameterGroup:ParameterGroup": 1,
        "aws:elasticache/replicationGroup:ReplicationGroup": 1,
        "aws:elasticache/subnetGroup:SubnetGroup": 1,
        "kubernetes:core/v1:ConfigMap": 1,
    }
    for item in managed:
        if item.type.startswith("aws:elasticache/"):
            assert sdk.mismatches(item.type, item.inputs) == []


def test_elasticache_is_encrypted_and_has_a_second_node_in_production(managed: Graph) -> None:
    found = one(managed, "aws:elasticache/replicationGroup:ReplicationGroup").inputs
    assert (found["engine"], found["engineVersion"], found["nodeType"]) == (
        "valkey",
        "8.2",
        "cache.t4g.small",
    )
    assert (found["numCacheClusters"], found["automaticFailoverEnabled"]) == (2, True)
    assert found["atRestEncryptionEnabled"] is found["transitEncryptionEnabled"] is True
    assert found["snapshotRetentionLimit"] == 0
    assert manifest(managed, "ConfigMap", "gateway-cache")["data"]["VALKEY_HOST"] is UNKNOWN


def test_the_gateway_is_told_how_to_use_it(inside: Graph, managed: Graph) -> None:
    settings = config(inside)["litellm_settings"]
    assert settings["cache"] is True
    assert settings["cache_params"] == {
        "type": "valkey-semantic",
        "host": "os.environ/VALKEY_HOST",
        "port": "os.environ/VALKEY_PORT",
        "ssl": False,
        "similarity_threshold": 0.9,
        "ttl": 7200,
        "valkey_semantic_cache_embedding_model": "embed",
        "supported_call_types": ["acompletion", "completion"],
    }
    assert config(managed)["litellm_settings"]["cache_params"]["ssl"] is True


def test_the_gateway_alone_reaches_it(inside: Graph, managed: Graph) -> None:
    policy = manifest(inside, "NetworkPolicy", "gateway-cache")["spec"]
    assert policy["ingress"][0]["from"] == [
        {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "litellm"}}}
    ]
    for graph, target in ((inside, "podSelector"), (managed, "ipBlock")):
        rules = manifest(graph, "NetworkPolicy", "litellm")["spec"]["egress"]
        (rule,) = [item for item in rules if item["ports"][0]["port"] == 6379]
        assert list(rule["to"][0]) == [target]


@pytest.mark.parametrize(
    ("classification", "limit", "kept"),
    [
        ("public", "internal", True),
        ("internal", "internal", True),
        ("confidential", "internal", False),
        ("confidential", "confidential", True),
        ("restricted", "confidential", False),
    ],
)
def test_only_answers_of_cleared_classes_are_kept(classification: str, limit: str, kept: bool) -> None:
    args = environment("in-cluster", maxClassification=limit)
    chat = builders.workload("chat", builders.PLAN.model_id, data={"classification": classification})
    embed = builders.workload("embed", "intfloat/multilingual-e5-large-instruct")
    pairs = ((chat, builders.PLAN), (embed, builders.embed_plan()))
    graph = preview(build(builders.arguments(args.loaded.environment, builders.EU_ZONES, *pairs)))
    found = {item["model_name"]: item["model_info"]["cached"] for item in config(graph)["model_list"]}
    assert found == {"chat": kept, "embed": False}


def test_a_workload_that_makes_no_vectors_cannot_serve_the_cache() -> None:
    with pytest.raises(InputError, match="chat serves chat, which makes no vectors") as caught:
        preview(build(environment("in-cluster", embedding="chat")))
    assert caught.value.problems[0].accepted == "embed"


def test_off_is_off(prod: Graph) -> None:
    assert "cache" not in config(prod)["litellm_settings"]
    assert not kinds(prod)


def test_the_guard_is_loaded_before_the_cache_is_made(inside: Graph) -> None:
    """LiteLLM goes through its settings in their order, and the guard mends an import of the cache."""
    settings = list(config(inside)["litellm_settings"])
    assert settings.index("callbacks") < settings.index("cache")
