"""Where the parts of a router are on this machine, and one made of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.loopback import free_port
from tests.routing import envoy as envoy_module
from tests.routing.envoy import ENVOY, Address, Envoy, running
from tests.routing.fake_vllm import Fleet
from tests.routing.picker import Picker

NAMESPACE = "llm-serving.svc.cluster.local"
SERVICE, FIRST, SECOND = "127.0.0.1", "127.0.0.2", "127.0.0.3"
"""Where the workload's Service leads, and two replicas that a picker can name."""
ENTRY: Address = ("0.0.0.0", 8000)


def places(service: Address, pickers: list[int], workload: str = "chat") -> dict[Address, Address]:
    """Every address of the configuration, and where it is on this machine."""
    here = envoy_module.HOST
    listeners = [ENTRY, (here, 8001), ("0.0.0.0", 8002), (here, 8003)]
    names = [f"picker-{workload}-{number}.picker-{workload}-each.{NAMESPACE}" for number in range(2)]
    return {
        **{place: (here, free_port()) for place in listeners},
        (f"model-{workload}.{NAMESPACE}", 8000): service,
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


def both_well(envoy: Envoy) -> None:
    """Until the proxy has seen that both pickers are well."""
    deadline = time.monotonic() + 30
    while envoy.counter("envoy_cluster_membership_healthy", envoy_cluster_name="picker") < 2:
        assert time.monotonic() < deadline, envoy.log.read_text()
        time.sleep(0.05)


@contextmanager
def routed(config: Any, fleet: Fleet, folder: Path, workload: str = "chat") -> Iterator[Routed]:
    need_envoy()
    pickers = pickers_of(fleet)
    table = places((SERVICE, fleet.ports[SERVICE]), [one.port for one in pickers], workload)
    try:
        with running(folder, config, table, ENTRY) as envoy:
            both_well(envoy)
            yield Routed(envoy, fleet, pickers)
    finally:
        for picker in pickers:
            picker.stop()
