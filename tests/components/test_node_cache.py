"""Compiled kernels that stay on the node: who makes the place, and who may use it."""

from __future__ import annotations

import pytest

from inferstack.engine.graph import Graph
from tests.components import builders
from tests.components.running import build, deploy, inventory, manifest, one, preview
from tests.components.sdk import mismatches
from tests.components.test_inventory import DEV

DAEMON = "kubernetes:apps/v1:DaemonSet"
NODE = {"modelStore": {"compileCache": "node"}}


@pytest.fixture(scope="module")
def cached() -> Graph:
    return preview(build(builders.dev(**NODE)))


def test_one_daemon_more_and_nothing_else(cached: Graph) -> None:
    expected = dict(sorted({**DEV, DAEMON: 1}.items()))
    assert inventory(item.type for item in cached) == expected
    recorder = deploy(build(builders.dev(**NODE)))
    assert inventory(item.typ for item in recorder.resources) == expected
    assert mismatches(DAEMON, one(cached, DAEMON).inputs) == []


def test_the_server_keeps_its_user_and_finds_its_cache_on_the_node(cached: Graph, dev: Graph) -> None:
    pod = manifest(cached, "Deployment", "model-assistant")["spec"]["template"]["spec"]
    before = manifest(dev, "Deployment", "model-assistant")["spec"]["template"]["spec"]
    path = "/mnt/k8s-disks/0/inferstack-cache"
    assert {"name": "cache", "hostPath": {"path": path, "type": "Directory"}} in pod["volumes"]
    assert pod["securityContext"] == before["securityContext"]
    assert pod["containers"] == before["containers"]
    assert [volume for volume in pod["volumes"] if volume["name"] != "cache"] == [
        volume for volume in before["volumes"] if volume["name"] != "cache"
    ]


def test_only_the_daemon_is_root_and_only_to_make_the_directory(cached: Graph) -> None:
    pod = manifest(cached, "DaemonSet", "node-cache")["spec"]["template"]["spec"]
    (make,), (keep,) = pod["initContainers"], pod["containers"]
    assert make["command"][-1] == "install -d -o 2000 -g 0 -m 0770 /cache"
    assert make["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN", "FOWNER"]}
    assert make["securityContext"]["allowPrivilegeEscalation"] is False
    assert keep["securityContext"]["runAsUser"] == 2000
    assert "volumeMounts" not in keep
    assert pod["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    # the node pulls the serving image anyway
    server = manifest(cached, "Deployment", "model-assistant")["spec"]["template"]["spec"]["containers"][0]
    assert {make["image"], keep["image"]} == {server["image"]}


def test_the_namespace_admits_the_directory_and_still_reports_it(cached: Graph, dev: Graph) -> None:
    standard = "pod-security.kubernetes.io"
    labels = manifest(cached, "Namespace", "llm-serving")["metadata"]["labels"]
    assert (labels[f"{standard}/enforce"], labels[f"{standard}/warn"]) == ("privileged", "restricted")
    assert (
        manifest(dev, "Namespace", "llm-serving")["metadata"]["labels"][f"{standard}/enforce"] == "restricted"
    )
