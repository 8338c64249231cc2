"""The kind InferencePool as it is delivered here, and the objects of those who bring a Gateway of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from components.cluster_services import inference_pool_kind
from tests.cluster import crds
from tests.cluster.api import RefusedError
from tests.cluster.world import SERVING
from tests.example_graphs import ROOT
from tests.snapshots.inference_pool import definition

GATEWAY_PAGE = ROOT / "docs" / "gateway.md"
ENVIRONMENT = "prod-eu"


def routed(world) -> bool:
    return bool(list(world.graph.of_type("inferstack:index:InferenceRouter")))


def test_the_kind_is_the_modules(world, tmp_path: Path):
    """Word for word, less the prose."""
    texts = [text for text in crds.definitions(tmp_path) if "name: inferencepools.inference" in text]
    assert [definition(text) for text in texts] == [inference_pool_kind()]


def test_a_picker_without_a_port_is_refused(world):
    """The kind's own rules hold without their prose."""
    pool = {
        "apiVersion": "inference.networking.k8s.io/v1",
        "kind": "InferencePool",
        "metadata": {"name": "broken", "namespace": SERVING},
        "spec": {
            "targetPorts": [{"number": 8000}],
            "selector": {"matchLabels": {"a": "b"}},
            "endpointPickerRef": {"name": "picker"},
        },
    }
    with pytest.raises(RefusedError, match="port is required"):
        world.api.apply(pool, dry_run=True)


def samples():
    """The manifests of the page's section on a Gateway of one's own."""
    section = GATEWAY_PAGE.read_text(encoding="utf-8").partition("### A Gateway of your own")[2]
    block = section.partition("```yaml\n")[2].partition("```")[0]
    return list(yaml.safe_load_all(block))


def test_the_sample_for_a_gateway_of_ones_own_is_accepted(world):
    if not routed(world):
        pytest.skip("nothing is routed here")
    found = {document["kind"]: document for document in samples()}
    assert set(found) == {"HTTPRoute", "NetworkPolicy"}
    for document in found.values():
        world.api.apply(document, dry_run=True)
    backend = found["HTTPRoute"]["spec"]["rules"][0]["backendRefs"][0]
    pool = world.document("InferencePool", backend["name"])
    assert (backend["kind"], backend["group"]) == ("InferencePool", "inference.networking.k8s.io")
    assert pool["metadata"]["namespace"] == found["HTTPRoute"]["metadata"]["namespace"] == SERVING


def test_the_sample_lets_a_gateway_reach_the_picker_and_the_replicas(world):
    if not routed(world):
        pytest.skip("nothing is routed here")
    policy = next(document for document in samples() if document["kind"] == "NetworkPolicy")["spec"]
    wanted = policy["podSelector"]["matchExpressions"][0]
    pool = world.document("InferencePool", "model-support-chat")["spec"]
    picker = world.document("StatefulSet", "picker-support-chat")["spec"]["selector"]["matchLabels"]
    names = {pool["selector"]["matchLabels"][wanted["key"]], picker[wanted["key"]]}
    assert names == set(wanted["values"])
    ports = {port["port"] for rule in policy["ingress"] for port in rule["ports"]}
    assert ports == {pool["targetPorts"][0]["number"], pool["endpointPickerRef"]["port"]["number"]}
