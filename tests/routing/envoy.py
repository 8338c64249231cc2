"""A real Envoy with the configuration that the environment would deploy; addresses alone are others."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.loopback import HOST

ROOT = Path(__file__).parents[2]
ENVOY = ROOT / ".tools" / "envoy" / "bin" / "envoy"
START_S = 30
Address = tuple[str, int]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def replica(self) -> str:
        return str(json.loads(self.body)["from"])


@dataclass
class Envoy:
    """A client of the running proxy."""

    port: int
    health_port: int
    log: Path
    connections: list[http.client.HTTPConnection] = field(default_factory=list)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(HOST, self.port, timeout=30)

    def send(
        self, path: str, body: bytes | None, headers: Mapping[str, str] | None = None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = self.connect()
        sent = {"content-type": "application/json", **(headers or {})}
        connection.request("GET" if body is None else "POST", path, body, sent)
        return connection, connection.getresponse()

    def call(
        self, path: str = "/v1/chat/completions", body: bytes | None = None, headers: Any = None
    ) -> Answer:
        connection, response = self.send(path, body, headers)
        try:
            found = {name.lower(): text for name, text in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def chat(self, prompt: str, headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
        return self.call(body=question(prompt, **more), headers=headers)

    def counter(self, name: str, **labels: str) -> float:
        """A metric's value, summed over its series that have the labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        lines = (line for line in self.metrics().splitlines() if line.startswith((f"{name} ", f"{name}{{")))
        return sum(float(line.rpartition(" ")[2]) for line in lines if all(part in line for part in wanted))

    def metrics(self) -> str:
        return self.get(self.health_port, "/metrics").body.decode()

    def get(self, port: int, path: str) -> Answer:
        connection = http.client.HTTPConnection(HOST, port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()


def question(prompt: str, **more: Any) -> bytes:
    return json.dumps({"model": "chat", "messages": [{"role": "user", "content": prompt}], **more}).encode()


def readdressed(node: Any, places: Mapping[Address, Address]) -> Any:
    """The same document with other addresses; every one must be known."""
    if isinstance(node, list):
        return [readdressed(item, places) for item in node]
    if not isinstance(node, dict):
        return node
    if "port_value" in node:
        host, port = places[node["address"], node["port_value"]]
        return {"address": host, "port_value": port}
    return {key: readdressed(value, places) for key, value in node.items()}


@contextmanager
def running(folder: Path, config: Any, places: Mapping[Address, Address], entry: Address) -> Iterator[Envoy]:
    """Envoy until the block ends. ``entry``: its address in the configuration."""
    file, log = folder / "envoy.yaml", folder / "envoy.log"
    file.write_text(yaml.safe_dump(readdressed(config, places)), encoding="utf-8")
    health = next(place for (host, port), place in places.items() if port == entry[1] + 2)
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(ENVOY), "-c", str(file), "--use-dynamic-base-id", "--concurrency", "2", "-l", "warning"],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            envoy = Envoy(places[entry][1], health[1], log)
            _wait(envoy, process)
            yield envoy
        finally:
            process.terminate()
            process.wait(15)


def _wait(envoy: Envoy, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"Envoy ended with {process.returncode}:\n{envoy.log.read_text()[-4000:]}")
        try:
            if envoy.get(envoy.health_port, "/ready").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"Envoy did not start in {START_S} s:\n{envoy.log.read_text()[-4000:]}")
