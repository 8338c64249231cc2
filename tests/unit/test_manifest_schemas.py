"""Every manifest of the examples against the published schemas of the cluster's Kubernetes version, offline.

The cluster tier asks a real API server; this is the quick look that needs nothing but a package.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import kubernetes_validate
import kubernetes_validate.utils
import pytest
import yaml

from inferstack.engine.manifests import HELM_RELEASE, manifests
from tests.example_graphs import EXAMPLES, graph


@pytest.fixture(scope="module", autouse=True)
def parsed_once():
    """The package reads megabytes of definitions again for every object."""
    kept = kubernetes_validate.utils.schema_contents
    kubernetes_validate.utils.schema_contents = cache(kept)
    yield
    kubernetes_validate.utils.schema_contents = kept


CUSTOM_GROUPS = (
    "gateway.networking.k8s.io/",
    "inference.networking.k8s.io/",
    "karpenter.k8s.aws/",
    "karpenter.sh/",
    "keda.sh/",
    "leaderworkerset.x-k8s.io/",
    "monitoring.coreos.com/",
)
"""Kinds that Kubernetes itself does not have; the cluster tier checks them against their own definitions."""


def documents(name: str) -> list[dict[str, Any]]:
    texts = [one.text for one in manifests(graph(name)) if "helm-releases" not in one.file]
    return [yaml.safe_load(text) for text in texts]


def version(name: str) -> str:
    cluster = next(iter(graph(name).of_type("inferstack:index:Cluster")))
    return str(cluster.inputs["version"])


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_manifest_follows_its_schema(name):
    wanted, checked = version(name), 0
    for document in documents(name):
        if not document["apiVersion"].startswith(CUSTOM_GROUPS):
            kubernetes_validate.validate(document, wanted, strict=True)
            checked += 1
    assert checked > 15


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_object_of_the_graph_is_a_manifest(name):
    objects = [one for one in graph(name) if one.type.startswith("kubernetes:") and one.type != HELM_RELEASE]
    assert len(documents(name)) == len(objects)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "replicaz"), 2),
        (("spec", "replicas"), "two"),
        (("spec", "template", "spec", "containers", 0, "livenessProbe", "initialDelay"), 3),
    ],
)
def test_a_wrong_field_is_found(path, value):
    broken = copy.deepcopy(next(one for one in documents("prod-eu") if one["kind"] == "Deployment"))
    *parents, last = path
    place: Any = broken
    for key in parents:
        place = place[key]
    place[last] = value
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, version("prod-eu"), strict=True)
