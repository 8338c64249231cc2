"""Everything else that runs on the nodes: EKS add-ons and the pods of charts, where our values place them.

Charts are not rendered here. What the values say of nodes and room (nodeSelector, tolerations, resources) is taken
from the graph; a chart whose values name no place gets a pod that may go wherever nothing keeps it away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from inferstack.engine.graph import Graph

HERE = Path(__file__).resolve().parent
NAMESPACE = "test-system"
LABEL = "test.inferstack.dev/system"
RELEASE = "kubernetes:helm.sh/v3:Release"
GPU_LABEL = "nvidia.com/gpu.present"
EVERYWHERE = ({"operator": "Exists"},)


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Pods of one program: a daemon on every node it may run on, or a number of replicas."""

    name: str
    daemon: bool
    replicas: int = 1
    requests: Mapping[str, str] = field(default_factory=lambda: {"cpu": "50m", "memory": "64Mi"})
    selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()

    def document(self) -> dict[str, Any]:
        labels = {LABEL: self.name}
        spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": self._template(labels)}
        if not self.daemon:
            spec["replicas"] = self.replicas
        return {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet" if self.daemon else "Deployment",
            "metadata": {"name": self.name, "namespace": NAMESPACE},
            "spec": spec,
        }

    def _template(self, labels: Mapping[str, str]) -> dict[str, Any]:
        pod = {
            "containers": [{"name": "main", "image": "none", "resources": {"requests": dict(self.requests)}}],
            "nodeSelector": dict(self.selector),
            "tolerations": [dict(one) for one in self.tolerations],
            "priorityClassName": "system-node-critical" if self.daemon else "system-cluster-critical",
        }
        return {"metadata": {"labels": dict(labels)}, "spec": pod}


def place() -> tuple[dict[str, Any], dict[str, Any]]:
    """The namespace, and the account that its controller would make only after the first pods were refused."""
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    account = {"name": "default", "namespace": NAMESPACE}
    return (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
    )


def addons() -> Iterator[Placed]:
    """What EKS itself runs."""
    table = yaml.safe_load((HERE / "daemons.yaml").read_text(encoding="utf-8"))
    for entry in table["daemons"]:
        requests = {"cpu": entry["cpu"], "memory": entry["memory"]}
        yield Placed(name=entry["name"], daemon=True, requests=requests, tolerations=EVERYWHERE)
    for entry in table["deployments"]:
        requests = {"cpu": entry["cpu"], "memory": entry["memory"]}
        yield Placed(name=entry["name"], daemon=False, replicas=entry["replicas"], requests=requests)


def charts(graph: Graph) -> Iterator[Placed]:
    """One program for every place that the values of a release name."""
    for release in graph.of_type(RELEASE):
        inputs: Mapping[str, Any] = release.inputs
        name, values = str(inputs["name"]), inputs.get("values", {})
        places = list(_places(name, values))
        yield from places or [_placed(name, values)]


def _places(name: str, values: Mapping[str, Any]) -> Iterator[Placed]:
    if "nodeSelector" in values or "tolerations" in values:
        yield _placed(name, values)
    for key, inner in values.items():
        if isinstance(inner, Mapping) and key not in ("nodeSelector", "resources"):
            yield from _places(f"{name}-{key}".lower().replace(".", "-"), inner)


def _placed(name: str, values: Mapping[str, Any]) -> Placed:
    """A daemon where the selector is GPU nodes or the name says plugin; the rest are replicas."""
    selector = values.get("nodeSelector", {})
    daemon = GPU_LABEL in selector or name.endswith("device-plugin")
    requests = values.get("resources", {}).get("requests", {})
    return Placed(
        name=name[:50],
        daemon=daemon,
        replicas=int(values.get("replicaCount", values.get("replicas", 1))),
        requests={"cpu": "50m", "memory": "64Mi", **requests},
        selector=selector,
        tolerations=tuple(values.get("tolerations", ())),
    )


def volume(claim: Mapping[str, Any]) -> dict[str, Any]:
    """A volume bound to a claim."""
    metadata, spec = claim["metadata"], claim["spec"]
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"pvc-{metadata['uid']}"},
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": spec["resources"]["requests"],
            "claimRef": {**reference, **{key: metadata[key] for key in ("name", "namespace", "uid")}},
            "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": f"vol-{metadata['uid']}"},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": spec["storageClassName"],
        },
    }
