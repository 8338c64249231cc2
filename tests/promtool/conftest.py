from __future__ import annotations

import pytest

from tests.promtool.tool import Promtool, find


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    """Skips with the reason where it cannot be had."""
    found = find()
    if isinstance(found, str):
        pytest.skip(found)
    return found
