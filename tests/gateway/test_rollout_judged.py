"""`inferstack rollout` against a real Prometheus that scrapes the real proxy: a bad version is found and sent back.

Prometheus is the cluster tier's (`make test-cluster` builds it), or what PROMETHEUS names.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from components.monitors import GATEWAY
from inferstack.cli import cli
from tests.gateway.fake_backend import Behaviour, FakeBackend
from tests.gateway.proxy import ROOT, Proxy
from tests.gateway.test_rollout import started, versions
from tests.loopback import HOST, free_port

pytestmark = pytest.mark.gateway
PROGRAM = Path(os.environ.get("PROMETHEUS", ROOT / ".tools" / "cluster" / "bin" / "prometheus"))
STEP_S = 60
BOUNDS = ("0.05", "0.15", "0.2", "0.5", "1.0", "1.5", "+Inf")
FILES = {
    "environment.yaml": (
        "apiVersion: inferstack/v1\nkind: Environment\nname: dev\n"
        'cloud: {account: "123456789012", region: us-west-2}\ngateway: {host: llm.example.com}\n'
    ),
    "workloads/chat.yaml": (
        "apiVersion: inferstack/v1\nkind: Workload\nname: chat\nmodel: Qwen/Qwen3-8B\n"
        "traffic: {requestsPerDay: 1000}\n"
    ),
    "workloads/chat-v2.yaml": (
        "apiVersion: inferstack/v1\nkind: Workload\nname: chat-v2\nmodel: Qwen/Qwen3-8B\n"
        "traffic: {requestsPerDay: 1000}\n"
        "rollout: {strategy: canary, replaces: chat, traffic: 50, stepDuration: 1m, abortOn: {errorRate: 10%}}\n"
    ),
}


@contextmanager
def servers(asked: dict[str, int]) -> Iterator[int]:
    """What model servers export of their latencies: all in time, as many as were asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            workload = self.path.strip("/")
            lines = []
            for name in ("time_to_first_token", "inter_token_latency"):
                metric = f"vllm:{name}_seconds"
                lines.append(f"# TYPE {metric} histogram")
                lines += [f'{metric}_bucket{{le="{bound}"}} {asked[workload]}' for bound in BOUNDS]
                lines += [f"{metric}_count {asked[workload]}", f"{metric}_sum {asked[workload] * 0.01}"]
            body = ("\n".join(lines) + "\n").encode()
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer((HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def scrapes(proxies: dict[str, Proxy], port: int) -> dict[str, Any]:
    """As the cluster's monitors do, every second."""
    gateways = [{"targets": [f"{HOST}:{one.port}"], "labels": {"pod": pod}} for pod, one in proxies.items()]
    jobs = [{"job_name": "gateway", "metrics_path": GATEWAY.path, "static_configs": gateways}]
    for name in ("chat", "chat-v2"):
        labels = {"namespace": "llm-serving", "workload": name, "pod": f"model-{name}"}
        target = {"targets": [f"{HOST}:{port}"], "labels": labels}
        jobs.append({"job_name": name, "metrics_path": f"/{name}", "static_configs": [target]})
    return {"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}


@contextmanager
def prometheus(folder: Path, config: dict[str, Any]) -> Iterator[str]:
    folder.mkdir()
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    address = f"{HOST}:{free_port()}"
    arguments = [f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [str(PROGRAM), *arguments, f"--web.listen-address={address}"], stdout=log, stderr=log, cwd=folder
        )
    try:
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / "dev" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "dev"


def test_a_good_version_advances_and_a_bad_one_is_sent_back(
    project: Path, own: FakeBackend, external: FakeBackend, tmp_path: Path
) -> None:
    if not PROGRAM.is_file():
        pytest.skip(f"no Prometheus at {PROGRAM}; `make test-cluster` builds one, or PROMETHEUS names one")
    asked = {"chat": 0, "chat-v2": 0}
    with ExitStack() as stack:
        proxy = started(stack, tmp_path / "proxy", own, external, *versions("chat", 50))
        port = stack.enter_context(servers(asked))
        url = stack.enter_context(prometheus(tmp_path / "prometheus", scrapes({"a": proxy}, port)))

        def call(seconds: float) -> None:
            limit = time.monotonic() + seconds
            while time.monotonic() < limit:
                proxy.chat("chat")
                counted = own.counts()
                asked.update({name: counted.get(f"model-{name}", 0) for name in asked})
                time.sleep(0.1)

        def judge(*options: str) -> tuple[int, dict[str, Any]]:
            command = ["rollout", str(project), "--prometheus", url, "--json", *options]
            result = CliRunner().invoke(cli, command)
            assert result.stdout, result.exception
            return result.exit_code, json.loads(result.stdout)["rollouts"][0]

        call(15)
        code, young = judge("--write")
        assert (code, young["verdict"]) == (0, "hold"), young["reasons"]
        call(STEP_S + 15)
        code, good = judge()
        assert (code, good["verdict"], good["to"]) == (0, "advance", 100), good["reasons"]
        (errors, *_) = good["measured"]["whole"]
        assert errors["new"]["broken"] == errors["old"]["broken"] == 0
        # all that was sent is counted, but what came in the last seconds
        assert errors["new"]["requests"] == pytest.approx(asked["chat-v2"], rel=0.15)
        own.behaviour["model-chat-v2"] = Behaviour(status=500)
        call(40)
        code, bad = judge("--write")
        assert (code, bad["verdict"], bad["to"]) == (1, "abort", 0), bad["reasons"]
        assert "traffic: 0," in (project / "workloads" / "chat-v2.yaml").read_text()
        (errors, *_) = bad["measured"]["recent"]
        assert errors["new"]["broken"] > 20
        assert errors["old"]["broken"] == 0
