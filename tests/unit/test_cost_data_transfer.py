"""Data between zones (gateway to pods) and, from a public gateway, to the internet."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, amounts, bill, resource, workload

from inferstack.resources import UNKNOWN, Resource


def gateway(scheme: object = "internal") -> Resource:
    return resource("inferstack:index:Gateway", "gateway", {"scheme": scheme}, parent=ENVIRONMENT)


def test_two_of_three_requests_cross_a_zone_both_ways() -> None:
    # 40.15 GB x 2/3 x 2 x $0.01
    assert amounts(gateway(), workload()) == ["0.54"]


def test_answers_of_a_public_gateway_leave_to_the_internet() -> None:
    # 146 M tokens out x 250 B = 36.5 GB x $0.09
    assert amounts(gateway("internet-facing"), workload()) == ["0.54", "3.29"]


def test_one_zone_has_nothing_to_cross() -> None:
    found = bill(gateway(), workload(), zones=["a"])
    assert found.resources[0].lines == ()


def test_what_is_not_known_is_a_gap() -> None:
    assert amounts(gateway(UNKNOWN), workload()) == [None]
    assert amounts(gateway(), workload(inputTokens=UNKNOWN)) == [None]
