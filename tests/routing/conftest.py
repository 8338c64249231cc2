"""The generated router on loopback: a real Envoy, replicas of the tests' own, and one of two pickers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import envoy as envoy_module
import pytest
import yaml
from envoy import ENVOY, Address, Envoy, free_port, running
from fake_vllm import Fleet
from picker import Picker

from inferstack.engine.graph import Graph
from tests.components import builders
from tests.components.running import build, manifest, preview

NAMESPACE = "llm-serving.svc.cluster.local"
SERVICE, FIRST, SECOND = "127.0.0.1", "127.0.0.2", "127.0.0.3"
"""Where the workload's Service leads, and two replicas that a picker can name."""
ENTRY: Address = ("0.0.0.0", 8000)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Asked for by marker only: the tier needs a program of its own."""
    if "routing" in (config.option.markexpr or ""):
        return
    away = [item for item in items if item.get_closest_marker("routing")]
    config.hook.pytest_deselected(items=away)
    items[:] = [item for item in items if item not in away]


@pytest.fixture(scope="session")
def graph() -> Graph:
    """A production environment with one routed workload, as the offline engine would deploy it."""
    gateway = {"host": "llm.example.eu", "routing": "prefix-aware", "timeout": "30s"}
    return preview(build(builders.prod(gateway=gateway, monitoring={"stack": "none"})))


@pytest.fixture(scope="session")
def config(graph: Graph) -> Any:
    """Envoy's configuration, read from the manifests."""
    pod = manifest(graph, "Deployment", "router-chat")["spec"]["template"]["spec"]
    data = manifest(graph, "ConfigMap", pod["volumes"][0]["configMap"]["name"])["data"]
    return yaml.safe_load(data["envoy.yaml"])


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    started = Fleet((SERVICE, FIRST, SECOND)).start()
    yield started
    started.stop()


def places(service: Address, pickers: list[int]) -> dict[Address, Address]:
    """Every address of the configuration, and where it is on this machine."""
    here = envoy_module.HOST
    listeners = [ENTRY, (here, 8001), ("0.0.0.0", 8002), (here, 8003)]
    names = [f"picker-chat-{number}.picker-chat-each.{NAMESPACE}" for number in range(2)]
    return {
        **{place: (here, free_port()) for place in listeners},
        (f"model-chat.{NAMESPACE}", 8000): service,
        **{(name, 9002): (here, port) for name, port in zip(names, pickers, strict=True)},
    }


def need_envoy() -> None:
    if not ENVOY.is_file():
        pytest.skip("Envoy is not installed; `make test-routing` does it")


@dataclass
class Routed:
    """Envoy with two pickers of the tests' own; ``second`` in a prompt names the second replica."""

    envoy: Envoy
    fleet: Fleet
    pickers: list[Picker]


def pickers_of(fleet: Fleet) -> list[Picker]:
    def choose(body: bytes) -> str:
        return fleet.address(SECOND if b"second" in body else FIRST)

    return [Picker(choose).start() for _ in range(2)]


@pytest.fixture(scope="module")
def shared(config: Any, fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routed]:
    with routed(config, fleet, tmp_path_factory.mktemp("envoy")) as found:
        yield found


@contextmanager
def routed(config: Any, fleet: Fleet, folder: Path) -> Iterator[Routed]:
    need_envoy()
    pickers = pickers_of(fleet)
    table = places((SERVICE, fleet.ports[SERVICE]), [one.port for one in pickers])
    try:
        with running(folder, config, table, ENTRY) as envoy:
            yield Routed(envoy, fleet, pickers)
    finally:
        for picker in pickers:
            picker.stop()


@pytest.fixture
def router(shared: Routed) -> Routed:
    """As new."""
    shared.fleet.reset()
    for picker in shared.pickers:
        picker.reset()
    return shared


@pytest.fixture
def own(config: Any, fleet: Fleet, tmp_path: Path) -> Iterator[Routed]:
    """For tests that break pickers."""
    fleet.reset()
    with routed(config, fleet, tmp_path) as found:
        yield found
