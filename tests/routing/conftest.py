"""The generated router on loopback: a real Envoy, replicas of the tests' own, and one of two pickers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from inferstack.engine.graph import Graph
from tests.components import builders
from tests.components.running import build, manifest, preview
from tests.routing.fake_vllm import Fleet
from tests.routing.router_world import FIRST, SECOND, SERVICE, Routed, routed


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


@pytest.fixture(scope="module")
def shared(config: Any, fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routed]:
    with routed(config, fleet, tmp_path_factory.mktemp("envoy")) as found:
        yield found


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
