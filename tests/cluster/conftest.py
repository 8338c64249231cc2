from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.cluster.build import missing
from tests.cluster.world import World
from tests.example_graphs import EXAMPLES, graph


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/cluster" in item.nodeid:
            item.add_marker(pytest.mark.cluster)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """A failure shows what the control plane said."""
    report = yield
    world = getattr(item, "funcargs", {}).get("world")
    if report.failed and isinstance(world, World):
        report.sections.append(("control plane", world.plane.logs()))
    return report


@pytest.fixture(scope="session")
def control_plane_binaries() -> Iterator[None]:
    """Skips with the reason where the control plane cannot run. A run that is told to end stops it first."""
    if reason := missing():
        pytest.skip(reason)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session", params=EXAMPLES)
def world(request, tmp_path_factory, control_plane_binaries) -> Iterator[World]:
    """An example environment, applied; nothing has acted on it yet, and no node exists."""
    started = World.start(graph(request.param), tmp_path_factory.mktemp(request.param))
    yield started
    started.plane.stop()


@pytest.fixture(scope="session")
def populated(world: World) -> World:
    """The same environment with its nodes, and everything running."""
    return world.populate()


@pytest.fixture
def running(populated: World) -> Iterator[World]:
    """For tests that break things: afterwards all is as it was."""
    yield populated
    populated.restore()
