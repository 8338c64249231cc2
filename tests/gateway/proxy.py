"""A real LiteLLM proxy with the configuration, program and settings that the environment would deploy.

Only addresses differ: model servers and providers are two fakes on loopback, and so is the proxy itself.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.gateway.fake_backend import FakeBackend
from tests.loopback import HOST, free_port

ROOT = Path(__file__).parents[2]
LITELLM = ROOT / ".tools" / "litellm" / "bin" / "litellm"
MASTER_KEY = "sk-master-of-the-tests"
PROVIDER_KEYS = {"OPENAI_API_KEY": "sk-openai-of-the-tests", "TOGETHERAI_API_KEY": "together-of-the-tests"}
START_S = 150
"""Importing the proxy takes 15 s of CPU time, and machines of CI are shared."""
SERVICE = re.compile(r"http://([a-z0-9-]+)\.llm-serving\.svc\.cluster\.local:8000/v1")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def text(self) -> str:
        return str(self.body["choices"][0]["message"]["content"])


@dataclass(frozen=True)
class Proxy:
    """A client of the running proxy."""

    port: int

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(HOST, self.port, timeout=60)

    def send(
        self, connection: http.client.HTTPConnection, path: str, body: Any, key: str | None
    ) -> http.client.HTTPResponse:
        headers = {"content-type": "application/json"}
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        text = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", path, text, headers)
        return connection.getresponse()

    def call(self, path: str, body: Any = None, key: str | None = MASTER_KEY) -> Answer:
        connection = self.connect()
        try:
            response = self.send(connection, path, body, key)
            found = json.loads(response.read() or b"null")
            return Answer(
                response.status, {name.lower(): text for name, text in response.getheaders()}, found
            )
        finally:
            connection.close()

    def chat(self, model: str, prompt: str = "hello", *, key: str = MASTER_KEY, **more: Any) -> Answer:
        return self.call("/v1/chat/completions", question(model, prompt, **more), key)

    @contextmanager
    def stream(self, model: str, prompt: str) -> Iterator[Iterator[str]]:
        """Pieces of text as they come."""
        connection = self.connect()
        try:
            body = question(model, prompt, stream=True)
            response = self.send(connection, "/v1/chat/completions", body, MASTER_KEY)
            assert response.status == 200, response.read()
            yield pieces(response)
        finally:
            connection.close()


def question(model: str, prompt: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": prompt}], **more}


def pieces(response: http.client.HTTPResponse) -> Iterator[str]:
    for line in response:
        text = line.decode().strip().removeprefix("data: ")
        if text == "[DONE]":
            return
        if text:
            event = json.loads(text)
            assert "error" not in event, event
            yield event["choices"][0]["delta"].get("content") or ""


def rewritten(
    config: Mapping[str, Any], own: FakeBackend, external: FakeBackend, *, search: bool = False
) -> dict[str, Any]:
    """The configuration with backends on loopback, without ``search`` a cache in memory, and nothing else changed."""
    document: dict[str, Any] = json.loads(json.dumps(config))
    for entry in document["model_list"]:
        parameters = entry["litellm_params"]
        match = SERVICE.fullmatch(parameters.get("api_base", ""))
        place = (
            f"{own.port}/{match[1]}"
            if match
            else f"{external.port}/{entry['model_info']['id'].replace('/', '.')}"
        )
        parameters["api_base"] = f"http://{HOST}:{place}/v1"
    kept = document["litellm_settings"].get("cache_params")
    if kept is not None and not search:  # answers are kept by exact prompt, in the proxy's memory
        shared = {name: kept[name] for name in ("ttl", "supported_call_types")}
        document["litellm_settings"]["cache_params"] = {"type": "local", **shared}
    return document


def plain_environment(container: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str]:
    """The deployment's plain variables; those from Secrets get values of the tests' own."""
    secrets = {"LITELLM_MASTER_KEY": MASTER_KEY, "VALKEY_HOST": HOST, "VALKEY_PORT": "1", **PROVIDER_KEYS}
    found = {
        entry["name"]: entry["value"] if "value" in entry else {**secrets, **values}[entry["name"]]
        for entry in container["env"]
    }
    return {**found, **values}


@contextmanager
def running(
    folder: Path,
    config: Mapping[str, Any],
    program: str,
    container: Mapping[str, Any],
    values: Mapping[str, str] | None = None,
) -> Iterator[Proxy]:
    """The proxy until the block ends; its whole process group is stopped then."""
    (folder / "config.yaml").write_text(yaml.safe_dump(dict(config), sort_keys=False), encoding="utf-8")
    (folder / "gateway_guard.py").write_text(program, encoding="utf-8")
    port, log = free_port(), folder / "proxy.log"
    wanted = {"--config": str(folder / "config.yaml"), "--port": str(port)}
    args = list(container["args"])
    for name, value in wanted.items():
        args[args.index(name) + 1] = value
    plain = plain_environment(container, values or {})
    environment = {"PATH": os.environ["PATH"], **plain, "HOME": str(folder)}
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(LITELLM), "--host", HOST, *args],
            env=environment,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait(Proxy(port), process, log)
            yield Proxy(port)
        finally:
            _stop(process)


def _wait(proxy: Proxy, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the proxy ended with {process.returncode}:\n{log.read_text()[-4000:]}")
        try:
            if proxy.call("/health/liveliness", key=None).status == 200:
                return
        except OSError:
            time.sleep(0.3)
    raise AssertionError(f"the proxy did not start in {START_S} s:\n{log.read_text()[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)
