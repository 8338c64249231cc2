"""ElastiCache: node hours."""

from __future__ import annotations

from typing import Any

import pytest
from cost_graphs import ENVIRONMENT, amounts, lines, resource

from inferstack.resources import UNKNOWN, Resource


def cache(**changes: Any) -> Resource:
    inputs = {"engine": "valkey", "nodeType": "cache.t4g.small", "numCacheClusters": 2, **changes}
    return resource("aws:elasticache/replicationGroup:ReplicationGroup", "cache", inputs, parent=ENVIRONMENT)


def test_two_nodes_by_hand() -> None:
    # 2 x 730 h x $0.02
    assert amounts(cache()) == ["29.20"]


@pytest.mark.parametrize("changes", [{"engine": "redis"}, {"nodeType": "cache.r7g.large"}])
def test_what_has_no_price_is_a_gap(changes: dict[str, str]) -> None:
    (line,) = lines(cache(**changes))
    assert line.monthly is None
    assert "no price for" in line.label


@pytest.mark.parametrize("key", ["engine", "nodeType", "numCacheClusters"])
def test_what_is_unknown_is_a_gap(key: str) -> None:
    assert amounts(cache(**{key: UNKNOWN})) == [None]
