"""The LeaderWorkerSet controller with its webhooks, as its project builds it."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from typing import Any

import yaml

from tests.cluster.build import module_directory
from tests.cluster.control_plane import ControlPlane
from tests.loopback import answers, free_ports

MODULE = "sigs.k8s.io/lws"
NAME = "lws-manager"
SET = "leaderworkerset.sigs.k8s.io/name"


def run_lws(plane: ControlPlane) -> None:
    """Started and answering; pods and sets are refused while it is not, as in the cluster."""
    port, health = free_ports(2)
    config = plane.folder / "lws.yaml"
    config.write_text(yaml.safe_dump(_config(plane, port, health)), encoding="utf-8")
    plane.run(NAME, f"--config={config}", KUBECONFIG=str(plane.kubeconfig))
    plane.wait("the LeaderWorkerSet controller", lambda: answers(f"http://127.0.0.1:{health}/readyz"))
    plane.wait("its webhooks", lambda: _listens(port))
    for document in _webhooks(plane, port):
        plane.api.create(document)


def _config(plane: ControlPlane, port: int, health: int) -> dict[str, Any]:
    for source, name in ((plane.certificate, "tls.crt"), (plane.key, "tls.key")):
        (plane.folder / name).write_bytes(source.read_bytes())
    return {
        "apiVersion": "config.lws.x-k8s.io/v1alpha1",
        "kind": "Configuration",
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "webhook": {"host": "127.0.0.1", "port": port, "certDir": str(plane.folder)},
        "health": {"healthProbeBindAddress": f"127.0.0.1:{health}"},
        "metrics": {"bindAddress": "0"},
    }


def _webhooks(plane: ControlPlane, port: int) -> Iterator[dict[str, Any]]:
    """As the project's own files have them, with the address of this process instead of a service's."""
    bundle = base64.b64encode(plane.certificate.read_bytes()).decode()
    text = (module_directory("lws", MODULE) / "config" / "webhook" / "manifests.yaml").read_text("utf-8")
    for document in yaml.safe_load_all(text):
        document["metadata"]["name"] = f"lws-{document['metadata']['name']}"
        for hook in document["webhooks"]:
            path = hook["clientConfig"]["service"]["path"]
            hook["clientConfig"] = {"url": f"https://127.0.0.1:{port}{path}", "caBundle": bundle}
            if hook["rules"][0]["resources"] == ["pods"]:  # its patch beside that file
                hook["objectSelector"] = {"matchExpressions": [{"key": SET, "operator": "Exists"}]}
        yield document


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
