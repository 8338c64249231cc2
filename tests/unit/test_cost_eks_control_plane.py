"""EKS control plane: standard or extended support, as the version's dates say."""

from __future__ import annotations

import datetime as dt

from cost_graphs import ENVIRONMENT, UNPRICED, amounts, resource

from inferstack.resources import UNKNOWN, Resource

CLUSTER = "aws:eks/cluster:Cluster"


def cluster(**inputs: object) -> Resource:
    return resource(CLUSTER, "cluster", {"version": "1.35", **inputs}, parent=ENVIRONMENT)


def test_standard_support_costs_730_hours() -> None:
    assert amounts(cluster()) == ["73.00"]


def test_extended_support_has_its_own_price() -> None:
    assert amounts(cluster(version="1.33")) == ["438.00"]


def test_support_follows_the_day() -> None:
    last, after = dt.date(2027, 3, 27), dt.date(2027, 3, 28)
    assert amounts(cluster(), today=last) == ["73.00"]
    assert amounts(cluster(), today=after) == ["438.00"]


def test_a_version_nobody_knows_is_a_gap() -> None:
    assert amounts(cluster(version="1.99")) == [None]


def test_an_unknown_version_is_a_gap() -> None:
    assert amounts(cluster(version=UNKNOWN)) == [None]


def test_a_provisioned_control_plane_is_a_gap_beside_the_known_part() -> None:
    assert amounts(cluster(controlPlaneScalingConfig={"tier": "tier-xl"})) == ["73.00", None]


def test_no_price_in_the_region_is_a_gap() -> None:
    assert amounts(cluster(), region=UNPRICED) == [None]
