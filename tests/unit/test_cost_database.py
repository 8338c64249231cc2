"""RDS: the instance and its storage, twice with a standby; the managed password's secret."""

from __future__ import annotations

from typing import Any

import pytest
from cost_graphs import ENVIRONMENT, amounts, lines, resource

from inferstack.resources import UNKNOWN, Resource


def database(**changes: Any) -> Resource:
    inputs = {"engine": "postgres", "instanceClass": "db.t4g.medium", "allocatedStorage": 20, "multiAz": True}
    return resource("aws:rds/instance:Instance", "database", {**inputs, **changes}, parent=ENVIRONMENT)


def test_a_standby_costs_as_much_as_the_first_by_hand() -> None:
    # 2 x 730 h x $0.076, 2 x 20 GB x $0.137
    assert amounts(database()) == ["110.96", "5.48"]


def test_one_zone_is_half_and_a_managed_password_is_a_secret() -> None:
    assert amounts(database(multiAz=False, manageMasterUserPassword=True)) == ["55.48", "2.74", "0.40"]


@pytest.mark.parametrize("changes", [{"engine": "mysql"}, {"instanceClass": "db.x8g.48xlarge"}])
def test_what_has_no_price_is_a_gap(changes: dict[str, str]) -> None:
    first = lines(database(**changes))[0]
    assert first.monthly is None
    assert "no price for" in first.label


@pytest.mark.parametrize("key", ["engine", "instanceClass", "multiAz"])
def test_what_is_unknown_is_a_gap(key: str) -> None:
    assert None in amounts(database(**{key: UNKNOWN}))


def test_a_size_that_is_unknown_is_a_gap() -> None:
    assert amounts(database(allocatedStorage=UNKNOWN)) == ["110.96", None]
