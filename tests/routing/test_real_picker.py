"""llm-d's endpoint picker itself, told what the manifests tell it, against a real API server.

Skipped where it is not on hand: ENDPOINT_PICKER names the program (``go build ./cmd/epp`` of the pinned release),
else ``epp`` on PATH. Replicas are loopback addresses with one port, as pods are; Kubernetes knows them as pods.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.metrics import load_metrics
from components.pins import load_pins
from inferstack.engine.graph import Graph
from tests.cluster.api import Api
from tests.cluster.build import BIN, CERTIFICATES
from tests.cluster.control_plane import ControlPlane
from tests.components.running import manifest
from tests.loopback import free_port
from tests.routing.envoy import Envoy, question, running
from tests.routing.fake_vllm import Fleet
from tests.routing.router_world import ENTRY, both_well, need_envoy, places
from tests.snapshots import exposition

pytestmark = pytest.mark.routing
PROGRAM = os.environ.get("ENDPOINT_PICKER") or shutil.which("epp")
SERVICE, *REPLICAS = "127.0.1.1", "127.0.1.2", "127.0.1.3", "127.0.1.4"
PORT = 8000
METRICS = load_metrics(load_pins().image("vllm").version)
FRESH_S = 1.0
"""Ten looks of the picker at a replica."""


@dataclass
class RealPicker:
    """One process, with the arguments of its container; addresses and files are others."""

    arguments: list[str]
    kubeconfig: Path
    log: Path
    port: int = field(default_factory=free_port)
    health: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)

    def start(self, config: Path) -> RealPicker:
        own = {
            "--config-file": config,
            "--grpc-port": self.port,
            "--grpc-health-port": self.health,
            "--metrics-port": self.metrics_port,
        }
        given = [arg for arg in self.arguments if arg.partition("=")[0] not in own]
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [str(PROGRAM), *given, *(f"{name}={value}" for name, value in own.items())],
                env={"PATH": os.environ["PATH"], "KUBECONFIG": str(self.kubeconfig)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        while not listens(self.port) or "ready_endpoints" not in self.metrics():
            assert self.process.poll() is None, self.log.read_text()[-4000:]
            assert time.monotonic() < deadline, self.log.read_text()[-4000:]
            time.sleep(0.2)

    def metrics(self) -> str:
        try:
            return Envoy(0, 0, self.log).get(self.metrics_port, "/metrics").body.decode()
        except OSError:
            return ""

    def value(self, name: str) -> float:
        lines = (line for line in self.metrics().splitlines() if line.startswith((f"{name} ", f"{name}{{")))
        return sum(float(line.rpartition(" ")[2]) for line in lines)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    need_envoy()
    if PROGRAM is None:
        pytest.skip("no endpoint picker: neither ENDPOINT_PICKER nor epp on PATH")
    if not all(Path(program).is_file() for program in (BIN / "etcd", BIN / "kube-apiserver", CERTIFICATES)):
        pytest.skip("no API server; `make test-cluster` builds it")
    started = ControlPlane.start(tmp_path_factory.mktemp("plane"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def picker_account(plane: ControlPlane, graph: Graph) -> Path:
    """The kind, the rights and the pool as deployed; a kubeconfig with the picker's own rights."""
    api = plane.api
    kind = next(one for one in graph if one.type.endswith(":CustomResourceDefinition"))
    api.apply(dict(kind.inputs))
    plane.wait("the kind to be served", lambda: kind.inputs["metadata"]["name"] in api.served())
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "llm-serving"}})
    names = (("ServiceAccount", "picker-chat"), ("Role", "picker-chat"), ("RoleBinding", "picker-chat"))
    for kind_name, name in (*names, ("InferencePool", "model-chat")):
        api.apply(manifest(graph, kind_name, name))
    for number, host in enumerate(REPLICAS):
        pod(api, f"model-chat-{number}", host, manifest(graph, "InferencePool", "model-chat"))
    document = yaml.safe_load((plane.folder / "kubeconfig.yaml").read_text())
    path = "/api/v1/namespaces/llm-serving/serviceaccounts/picker-chat/token"
    token = api.request(
        "POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    )
    document["users"][0]["user"] = {"token": token["status"]["token"]}
    file = plane.folder / "picker.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def pod(api: Api, name: str, host: str, pool: Any) -> None:
    labels = pool["spec"]["selector"]["matchLabels"]
    container = {"name": "vllm", "image": "none", "ports": [{"containerPort": PORT}]}
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "llm-serving", "labels": dict(labels)},
        "spec": {"containers": [container], "automountServiceAccountToken": False, "nodeName": "none"},
    }
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": "llm-serving"},
    }
    api.apply(account)
    api.create(document)
    status = {
        "phase": "Running",
        "podIP": host,
        "podIPs": [{"ip": host}],
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    api.patch(f"/api/v1/namespaces/llm-serving/pods/{name}/status", {"status": status})


@dataclass
class Real:
    envoy: Envoy
    fleet: Fleet
    pickers: list[RealPicker]


@pytest.fixture(scope="module")
def running_router(
    graph: Graph, config: Any, picker_account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Real]:
    """Two pickers, three replicas, one proxy."""
    tmp_path = tmp_path_factory.mktemp("router")
    fleet = Fleet((SERVICE, *REPLICAS), port=PORT).start()
    template = manifest(graph, "StatefulSet", "picker-chat")["spec"]["template"]["spec"]
    data = manifest(graph, "ConfigMap", template["volumes"][0]["configMap"]["name"])["data"]
    file = tmp_path / "picker.yaml"
    file.write_text(data["picker.yaml"])
    pickers = [
        RealPicker(list(template["containers"][0]["args"]), picker_account, tmp_path / f"picker-{number}.log")
        for number in range(2)
    ]
    try:
        for one in pickers:
            one.start(file)
        for one in pickers:
            one.wait()
        table = places((SERVICE, PORT), [one.port for one in pickers])
        with running(tmp_path, config, table, ENTRY) as envoy:
            both_well(envoy)
            yield Real(envoy, fleet, pickers)
    finally:
        for one in pickers:
            one.kill()
        fleet.stop()


def wait(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def pool(graph: Graph) -> Any:
    return manifest(graph, "InferencePool", "model-chat")


@pytest.fixture
def real(running_router: Real) -> Real:
    running_router.fleet.reset()
    return running_router


def document(number: int) -> str:
    """A long beginning of its own: 2,000 tokens or so."""
    return f"Document {number}. " + f"clause {number} says so; " * 400


def ask(real: Real, prompt: str) -> str:
    answer = real.envoy.chat(prompt)
    assert answer.status == 200, answer.body
    return answer.replica


def learnt(real: Real, prompt: str) -> str:
    """Where a prompt is at home: the picker takes note of its choices a moment after it makes them."""
    before, home = "", ask(real, prompt)
    while before != home:
        time.sleep(0.05)
        before, home = home, ask(real, prompt)
    return home


class TestTheRealPicker:
    def test_requests_that_share_a_beginning_share_a_replica(self, real: Real) -> None:
        homes = {number: learnt(real, document(number)) for number in range(30)}
        for turn in range(4):
            for number, home in homes.items():
                assert ask(real, document(number) + f"What does it say?{turn}") == home, number
        spread = Counter(homes.values())
        assert set(spread) == set(REPLICAS), f"load stays spread: {spread}"
        assert real.fleet.counts()[SERVICE] == 0

    def test_a_full_replica_is_avoided(self, real: Real) -> None:
        home = learnt(real, document(1))
        assert {ask(real, document(1)) for _ in range(5)} == {home}
        real.fleet.replicas[home].waiting, real.fleet.replicas[home].kv_usage = 40, 0.99
        time.sleep(FRESH_S)
        assert home not in {ask(real, document(1)) for _ in range(10)}
        real.fleet.reset()
        time.sleep(FRESH_S)

    def test_unlike_requests_are_spread(self, real: Real) -> None:
        found = Counter(ask(real, f"{number} is a number") for number in range(90))
        assert set(found) == set(REPLICAS)

    def test_two_hundred_streams_at_once(self, real: Real) -> None:
        def stream(number: int) -> bytes:
            body = question(document(number % 20), stream=True)
            connection, response = real.envoy.send("/v1/chat/completions", body)
            try:
                return bytes(response.read())
            finally:
                connection.close()

        with ThreadPoolExecutor(200) as pool:
            answers = list(pool.map(stream, range(200)))
        assert all(answer.endswith(b"data: [DONE]\n\n") for answer in answers)
        assert real.fleet.counts()[SERVICE] == 0

    def test_a_long_prompt_arrives_whole(self, real: Real) -> None:
        prompt = "word " * 1_600_000
        assert ask(real, prompt) in REPLICAS
        assert real.fleet.seen[-1].prompt == prompt

    @pytest.mark.parametrize("path", ["/v1/models", "/v1/embeddings", "/tokenize", "/v1/unknown", "/health"])
    def test_paths_it_does_not_know_are_served_too(self, real: Real, path: str) -> None:
        answer = real.envoy.call(
            path,
            None
            if path in ("/v1/models", "/health")
            else json.dumps({"model": "chat", "input": "x"}).encode(),
        )
        assert answer.status == 200

    def test_what_is_no_json_is_the_model_servers_to_refuse(self, real: Real) -> None:
        assert real.envoy.call(body=b"{not json").status == 200
        assert real.fleet.seen[-1].replica == SERVICE

    def test_no_prompt_is_in_its_log(self, real: Real) -> None:
        ask(real, "TOP-SECRET")
        real.envoy.call("/v1/unknown", b'{"TOP-SECRET": 1}')
        for one in real.pickers:
            assert "TOP-SECRET" not in one.log.read_text()

    def test_what_queries_ask_of_it_is_there(self, real: Real) -> None:
        ask(real, "one")
        exported = {
            name: (kind, labels) for name, kind, labels in exposition.metrics(real.pickers[0].metrics())
        }
        for metric in (one for one in METRICS.known if one.exporter == "endpoint-picker"):
            assert exported[metric.name] == (metric.kind, metric.labels), metric.name

    def test_a_fleet_that_sleeps_and_wakes(self, real: Real, plane: ControlPlane, pool: Any) -> None:
        """No replica: an error at once, so that the gateway falls back; the first one that is there is chosen."""
        names = [f"model-chat-{number}" for number in range(len(REPLICAS))]
        for name in names:
            plane.api.kill("llm-serving", name)
        real.fleet.replicas[SERVICE].drops = True
        wait(lambda: real.pickers[0].value("llm_d_epp_ready_endpoints") == 0)
        assert real.envoy.chat(document(50)).status == 502
        for name, host in zip(names, REPLICAS, strict=True):
            pod(plane.api, name, host, pool)
        wait(lambda: real.envoy.chat(document(51)).status == 200)
        assert ask(real, document(51)) in REPLICAS
        wait(lambda: all(one.value("llm_d_epp_ready_endpoints") == len(REPLICAS) for one in real.pickers))

    def test_killing_pickers_under_load_loses_nothing(self, real: Real) -> None:
        """The last: nobody starts them again."""
        stop, answers, lock = threading.Event(), Counter[int](), threading.Lock()

        def load(number: int) -> None:
            while not stop.is_set():
                status = real.envoy.chat(document(number)).status
                with lock:
                    answers[status] += 1

        def after(count: int) -> None:
            target = answers.total() + count
            while answers.total() < target:
                time.sleep(0.01)

        with ThreadPoolExecutor(16) as pool:
            for number in range(16):
                pool.submit(load, number)
            after(200)
            for one in real.pickers:
                one.kill()
                after(200)
            stop.set()
        assert set(answers) == {200}, answers
