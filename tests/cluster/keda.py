"""KEDA's operator and metrics server, and a Prometheus for them to ask, as their projects build them.

These take longer to build than everything else together: ``make test-scaling`` builds them once and keeps them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.certificate import self_signed
from tests.cluster.build import SCALING, module_directory
from tests.cluster.control_plane import ControlPlane
from tests.loopback import answers, free_ports

NAMESPACE = "keda"
GROUP = "external.metrics.k8s.io"
SYNC = "--horizontal-pod-autoscaler-sync-period=2s"
PROMETHEUS = "prometheus"
Series = Mapping[str, float]


def missing() -> str | None:
    """Why the scalers cannot be run."""
    absent = [one.name for one in SCALING if not one.path.exists()]
    return f"not built ({', '.join(absent)}): run `make test-scaling`" if absent else None


@dataclass
class Metrics:
    """What servers, gateway and kube-state-metrics would export, and the Prometheus that scrapes it."""

    plane: ControlPlane
    port: int
    series: dict[str, float] = field(default_factory=dict)
    """Value by series, such as ``vllm:num_requests_waiting{pod="a"}``."""
    live: Callable[[], Series] = dict
    """Series that follow from the cluster's own state."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        exporter = _exporter(self)
        folder = self.plane.folder
        job = {
            "job_name": "all",
            "honor_labels": True,
            "static_configs": [{"targets": [f"127.0.0.1:{exporter.server_port}"]}],
        }
        config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        self.serve()

    def serve(self) -> None:
        folder = self.plane.folder
        self.plane.run(
            PROMETHEUS,
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--query.lookback-delta=5s",
        )
        self.plane.wait("Prometheus", lambda: answers(f"{self.address}/-/ready"))

    def break_down(self) -> None:
        process = self.plane.running.pop(PROMETHEUS)
        process.kill()
        process.wait()

    def text(self) -> str:
        return "".join(f"{name} {value}\n" for name, value in {**self.series, **self.live()}.items())


def _exporter(metrics: Metrics) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = metrics.text().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def run_keda(plane: ControlPlane) -> None:
    """Operator and metrics server, and the API that the horizontal autoscaler reads them through."""
    plane.manager_flags = (SYNC,)
    for file in sorted(
        (module_directory("keda", "github.com/kedacore/keda/v2") / "config/crd/bases").iterdir()
    ):
        plane.api.apply(yaml.safe_load(file.read_text(encoding="utf-8")))
    certificates = plane.folder / "keda"
    _certificates(certificates)
    grpc, health, metrics, api, other = free_ports(5)
    settings = {
        "KUBECONFIG": str(plane.kubeconfig),
        "WATCH_NAMESPACE": "",
        "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE,
    }
    plane.wait("KEDA's kinds", lambda: "scaledjobs.keda.sh" in plane.api.served())
    plane.run(
        "keda",
        f"--cert-dir={certificates}",
        f"--metrics-service-bind-address=127.0.0.1:{grpc}",
        f"--health-probe-bind-address=127.0.0.1:{health}",
        f"--metrics-bind-address=127.0.0.1:{metrics}",
        "--enable-webhook-patching=false",
        "--enable-apiservice-patching=false",
        **settings,
    )
    plane.wait("KEDA", lambda: answers(f"http://127.0.0.1:{health}/readyz"))
    kubeconfigs = ("lister", "authentication", "authorization")
    plane.run(
        "keda-adapter",
        f"--cert-dir={certificates}",
        f"--tls-cert-file={certificates / 'tls.crt'}",
        f"--tls-private-key-file={certificates / 'tls.key'}",
        "--bind-address=127.0.0.1",
        f"--secure-port={api}",
        f"--port={other}",
        f"--metrics-service-address=localhost:{grpc}",
        "--authentication-skip-lookup",
        *(f"--{name}-kubeconfig={plane.kubeconfig}" for name in kubeconfigs),
        **settings,
    )
    for document in _metrics_api(api):
        plane.api.apply(document)
    plane.wait("the external metrics API", lambda: _available(plane))


def _metrics_api(port: int) -> tuple[dict[str, Any], ...]:
    """The API server asks without a certificate of its own: whoever asks may read."""
    everyone = {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:unauthenticated"}
    role = {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io"}
    return (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "metrics", "namespace": NAMESPACE},
            "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "read-external-metrics"},
            "rules": [
                {"apiGroups": [GROUP], "resources": ["*"], "verbs": ["get", "list"]},
                {"nonResourceURLs": ["/apis", "/apis/*"], "verbs": ["get"]},
            ],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "read-external-metrics"},
            "roleRef": {**role, "name": "read-external-metrics"},
            "subjects": [everyone],
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": f"v1beta1.{GROUP}"},
            "spec": {
                "group": GROUP,
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": {"name": "metrics", "namespace": NAMESPACE, "port": port},
            },
        },
    )


def _available(plane: ControlPlane) -> bool:
    found = plane.api.get("apiregistration.k8s.io/v1", "APIService", f"v1beta1.{GROUP}")
    conditions = found.get("status", {}).get("conditions", [])
    return any(one["type"] == "Available" and one["status"] == "True" for one in conditions)


def _certificates(folder: Path) -> None:
    """One key pair for both ends of the operator's connection, which check each other."""
    folder.mkdir()
    key, certificate = self_signed()
    for file in ("ca.crt", "tls.crt"):
        (folder / file).write_bytes(certificate)
    (folder / "tls.key").write_bytes(key)
