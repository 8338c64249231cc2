"""A real API server takes every manifest of every example: strict fields, twice, with the admission EKS has."""

from __future__ import annotations

import copy

import pytest

from tests.cluster.api import RefusedError
from tests.cluster.build import kubernetes_version
from tests.cluster.world import SERVING, documents


def test_the_server_is_the_version_the_examples_ask_for(world):
    served = world.api.request("GET", "/version")
    cluster = next(iter(world.graph.of_type("inferstack:index:Cluster")))
    assert served["gitVersion"] == kubernetes_version()
    assert f"{served['major']}.{served['minor']}" == cluster.inputs["version"]


def test_every_manifest_is_accepted(world):
    refused = [f"{one.file}: {one.refused}" for one in world.applied if one.refused]
    assert not refused, "\n".join(refused)
    assert len(world.applied) > 20


def test_applying_again_changes_nothing(world):
    changed = [one.file for one in world.applied if one.versions and len(set(one.versions)) != 1]
    assert not changed, changed


def test_an_unknown_field_is_refused(world):
    """The strictness the other tests stand on."""
    document = next(one for _, one in documents(world.graph) if one["kind"] == "Deployment")
    broken = copy.deepcopy(document)
    broken["spec"]["template"]["spec"]["nodeSelectr"] = {}
    with pytest.raises(RefusedError, match="nodeSelectr"):
        world.api.apply(broken, dry_run=True)


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        ("runAsNonRoot", {"securityContext": {"runAsUser": 0, "runAsNonRoot": False}}),
        ("hostPath", {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}),
        ("host namespaces", {"hostNetwork": True}),
    ],
)
def test_a_pod_that_asks_for_too_much_is_refused(world, fault, change):
    """Pod Security holds in the namespace of the models: our pods run there, these do not."""
    server = next(
        one
        for _, one in documents(world.graph)
        if one["kind"] == "Deployment" and one["metadata"]["namespace"] == SERVING
    )
    spec = copy.deepcopy(server["spec"]["template"]["spec"])
    volumes = [*spec["volumes"], *change.get("volumes", ())]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "bad", "namespace": SERVING},
        "spec": {**spec, **change, "volumes": volumes},
    }
    with pytest.raises(RefusedError, match=fault):
        world.api.apply(pod, dry_run=True)
