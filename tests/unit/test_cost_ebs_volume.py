"""EBS volumes of their own."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, amounts, resource

from inferstack.resources import UNKNOWN, Resource


def volume(**inputs: object) -> Resource:
    return resource("aws:ebs/volume:Volume", "data", inputs, parent=ENVIRONMENT)


def test_size_iops_and_throughput_by_hand() -> None:
    assert amounts(volume(type="gp3", size=500, iops=6000, throughput=250)) == ["50.00", "30.00", "6.25"]


def test_what_gp3_includes_costs_nothing_more() -> None:
    assert amounts(volume(type="gp3", size=100, iops=3000, throughput=125)) == ["10.00"]


def test_another_type_is_a_gap() -> None:
    assert amounts(volume(type="io2", size=100)) == [None]


def test_a_size_that_is_not_stated_or_unknown_is_a_gap() -> None:
    assert amounts(volume(type="gp3")) == [None]
    assert amounts(volume(type="gp3", size=UNKNOWN)) == [None]
