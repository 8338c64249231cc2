from __future__ import annotations

import pytest

from tests.engine.harness import Engine, missing


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """The real engine; skips with the reason where it cannot run."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    return Engine.prepare(tmp_path_factory.mktemp("pulumi") / "home")
