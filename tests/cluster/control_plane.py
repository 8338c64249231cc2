"""A Kubernetes control plane on loopback: etcd, API server, scheduler, controller manager, kwok for kubelets.

Started with free ports, certificates and tokens of its own in a folder of its own; stopped by ``stop``. Nothing
listens beyond 127.0.0.1 and nothing outlives the process that started it.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.cluster.api import Api
from tests.cluster.build import BIN, CERTIFICATES
from tests.cluster.stages import kwok_stages
from tests.loopback import free_ports

START_S = 60
SERVICE_CIDR = "172.20.0.0/16"
NOISE = "addrConn.createTransport"
EKS_ADMISSION = "NodeRestriction,ExtendedResourceToleration"
"""What EKS enables beyond Kubernetes' own defaults (Pod Security, Priority, ... are among those)."""


@dataclass
class ControlPlane:
    """The running programs of one cluster; logs lie in ``folder``."""

    folder: Path
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    manager_flags: tuple[str, ...] = ()
    """More of the controller manager's."""
    api: Api = field(init=False)

    @classmethod
    def start(cls, folder: Path) -> ControlPlane:
        """etcd and the API server; ``run_controllers`` starts the rest."""
        plane = cls(folder)
        try:
            plane._start()
        except BaseException:
            plane.stop()
            raise
        return plane

    def stop(self) -> None:
        """All at once: nothing they hold is kept, and an API server without etcd takes its time to leave."""
        for process in self.running.values():
            process.kill()
        for process in self.running.values():
            process.wait()
        self.running.clear()

    def logs(self, lines: int = 25) -> str:
        """The end of every program's log."""
        found = []
        for file in sorted(self.folder.glob("*.log")):
            said = file.read_text(encoding="utf-8", errors="replace").splitlines()
            tail = [line[:300] for line in said if NOISE not in line][-lines:]
            found.append(f"--- {file.name}\n" + "\n".join(tail))
        return "\n".join(found)

    def _start(self) -> None:
        etcd, peers, port = free_ports(3)
        self._certificates()
        self._etcd(etcd, peers)
        self._api_server(etcd, port)
        self._kubeconfig(port)

    def run_controllers(self) -> None:
        """Scheduler, controllers and kubelets: until now nothing changed but by request."""
        self._controllers(self.kubeconfig)
        self._kwok(self.kubeconfig)

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig.yaml"

    @property
    def certificate(self) -> Path:
        """For 127.0.0.1 and localhost, and its own authority."""
        return self.folder / "cert.pem"

    @property
    def key(self) -> Path:
        return self.folder / "key.pem"

    def _certificates(self) -> None:
        """One key pair: serves TLS, is its own authority, signs service account tokens."""
        subprocess.run(
            [CERTIFICATES, "--host", "127.0.0.1,localhost", "--rsa-bits", "2048", "--ca", "--duration", "24h"],
            cwd=self.folder, check=True, capture_output=True,
        )  # fmt: skip
        (self.folder / "tokens.csv").write_text(f"{self.token},test,test,system:masters\n")

    def _etcd(self, port: int, peers: int) -> None:
        client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peers}"
        self.run(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )

    def _api_server(self, etcd: int, port: int) -> None:
        certificate, key = self.certificate, self.key
        self.run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={certificate}",
            f"--service-account-signing-key-file={key}",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            f"--enable-admission-plugins={EKS_ADMISSION}",
            "--allow-privileged=true",
            "--endpoint-reconciler-type=none",
            "--profiling=false",
        )
        self.api = Api(port=port, token=self.token, certificate=certificate)
        self.wait("the API server", self.api.ready)

    def _controllers(self, kubeconfig: Path) -> None:
        common = (f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0")
        rate = ("--kube-api-qps=300", "--kube-api-burst=600")
        certificate, key = self.certificate, self.key
        keys = (f"--service-account-private-key-file={key}", f"--root-ca-file={certificate}")
        self.run("kube-scheduler", *common, *rate)
        self.run(
            "kube-controller-manager",
            *common,
            *rate,
            *keys,
            "--controllers=*,-resourcequota",
            *self.manager_flags,
        )

    def _kwok(self, kubeconfig: Path) -> None:
        stages = self.folder / "stages.yaml"
        stages.write_text(kwok_stages(), encoding="utf-8")
        self.run(
            "kwok",
            f"--kubeconfig={kubeconfig}",
            f"--config={stages}",
            "--manage-all-nodes",
            "--node-lease-duration-seconds=40",
            "--cidr=10.200.0.0/16",
            "--v=WARN",
        )

    def _kubeconfig(self, port: int) -> None:
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "test",
                    "cluster": {
                        "server": f"https://127.0.0.1:{port}",
                        "certificate-authority": str(self.certificate),
                    },
                }
            ],
            "users": [{"name": "test", "user": {"token": self.token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
        self.kubeconfig.write_text(yaml.safe_dump(document), encoding="utf-8")

    def run(self, name: str, *arguments: str, **settings: str) -> None:
        """One of the built programs, with ``settings`` in its environment; it ends with this cluster."""
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                [BIN / name, *arguments],
                cwd=self.folder,
                env={**os.environ, **settings},
                stdout=log,
                stderr=log,
            )

    def wait(self, what: str, done: Callable[[], bool], seconds: float = START_S) -> None:
        """Polls until it is so; fails with the logs when a program ended or time is over."""
        until = time.monotonic() + seconds
        while not done():
            for name, process in self.running.items():
                if process.poll() is not None:
                    raise AssertionError(f"{name} ended with {process.returncode}\n{self.logs()}")
            if time.monotonic() > until:
                raise AssertionError(f"waited {seconds} s for {what}\n{self.logs()}")
            time.sleep(0.1)
