"""Each example environment is previewed once for all tests that only read its graph."""

from __future__ import annotations

import pytest

from inferstack.engine.graph import Graph
from tests.components import builders
from tests.components.running import build, preview


@pytest.fixture(scope="session")
def dev() -> Graph:
    return preview(build(builders.dev()))


@pytest.fixture(scope="session")
def prod() -> Graph:
    return preview(build(builders.prod()))


@pytest.fixture(scope="session")
def groups() -> Graph:
    return preview(build(builders.groups()))


@pytest.fixture(scope="session")
def private() -> Graph:
    return preview(build(builders.private()))


@pytest.fixture(scope="session")
def adopted_vpc() -> Graph:
    return preview(build(builders.adopted_vpc()))


@pytest.fixture(scope="session")
def adopted_cluster() -> Graph:
    return preview(build(builders.adopted_cluster()))
