"""How many nodes a fleet needs, and what it survives."""

from __future__ import annotations

import pytest

from inferstack.sizing.redundancy import Fleet, required_survival, smallest_fleet, surge_replicas


@pytest.mark.parametrize(
    ("availability", "survives"),
    [
        (None, "nothing"),
        (0.95, "nothing"),
        (0.99, "node"),
        (0.995, "node"),
        (0.999, "zone"),
        (0.9999, "zone"),
    ],
)
def test_availability_decides_what_may_fail(availability: float | None, survives: str) -> None:
    assert required_survival(availability) == survives


@pytest.mark.parametrize(
    ("serving", "per_unit", "zones", "survives", "fleet"),
    [
        (1, 1, 3, "nothing", (1, 1)),
        (1, 1, 3, "node", (2, 2)),
        (2, 1, 3, "zone", (3, 3)),
        (2, 1, 2, "zone", (4, 4)),
        (3, 1, 3, "zone", (5, 5)),  # 2 + 2 + 1: losing two leaves three
        (4, 1, 3, "zone", (6, 6)),
        (3, 4, 3, "node", (6, 2)),  # four fit on a node, but a node may be lost
        (3, 4, 1, "nothing", (3, 1)),
        (1, 8, 2, "node", (2, 2)),
    ],
)
def test_smallest_fleet(
    serving: int, per_unit: int, zones: int, survives: str, fleet: tuple[int, int]
) -> None:
    found = smallest_fleet(serving, per_unit, zones, survives, 1)  # type: ignore[arg-type] # table of words
    assert found is not None
    assert (found.replicas, found.units) == fleet


def test_one_zone_cannot_lose_a_zone() -> None:
    assert smallest_fleet(1, 1, 1, "zone", 1) is None


def test_min_replicas_is_a_floor() -> None:
    assert smallest_fleet(1, 1, 3, "nothing", 4) == Fleet(4, 4, "zone")


def test_survival_is_reported_even_when_not_asked_for() -> None:
    found = smallest_fleet(1, 1, 3, "node", 1)
    assert found is not None
    assert found.survives == "zone"


@pytest.mark.parametrize(
    ("fleet", "strategy", "asked", "limit", "surge"),
    [
        (Fleet(3, 3, "node"), "rolling", None, None, 0),
        (Fleet(1, 1, "nothing"), "rolling", None, None, 1),
        (Fleet(1, 1, "nothing"), "rolling", None, 1, 0),
        (Fleet(3, 3, "node"), "canary", None, None, 1),
        (Fleet(3, 3, "node"), "blue-green", None, None, 3),
        (Fleet(3, 3, "node"), "rolling", 2, None, 2),
    ],
)
def test_rollouts_need_spare_replicas_only_where_none_may_go_first(
    fleet: Fleet, strategy: str, asked: int | None, limit: int | None, surge: int
) -> None:
    assert surge_replicas(fleet, strategy, asked, limit) == surge
