from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.cidr import plan_subnets

ZONES = ("a", "b", "c")


@given(prefix=st.integers(16, 20), zones=st.integers(1, 3), intra=st.integers(2, 3))
def test_subnets_lie_in_the_network_and_never_overlap(prefix: int, zones: int, intra: int) -> None:
    vpc = IPv4Network(f"10.0.0.0/{prefix}")
    plan = plan_subnets(str(vpc), ZONES[:zones], ZONES[:intra])
    networks = [IPv4Network(cidr) for _, cidr in (*plan.private, *plan.public, *plan.intra)]
    assert len(networks) == 2 * zones + intra
    assert all(network.subnet_of(vpc) for network in networks)
    assert not any(one.overlaps(other) for one, other in combinations(networks, 2))


@given(prefix=st.integers(16, 20))
def test_each_subnet_is_large_enough_for_what_it_holds(prefix: int) -> None:
    plan = plan_subnets(f"10.0.0.0/{prefix}", ZONES, ZONES)
    # EKS wants at least 16 addresses for its interfaces, a load balancer 8 free ones
    assert all(IPv4Network(cidr).num_addresses >= 16 for _, cidr in plan.intra)
    assert all(IPv4Network(cidr).num_addresses >= 32 for _, cidr in plan.public)
    assert all(IPv4Network(cidr).prefixlen == prefix + 2 for _, cidr in plan.private)


def test_a_zone_added_at_the_end_moves_no_subnet() -> None:
    two, three = (plan_subnets("10.0.0.0/16", zones, ZONES) for zones in (ZONES[:2], ZONES))
    assert three.private[:2] == two.private
    assert three.public[:2] == two.public
    assert three.intra == two.intra


@pytest.mark.parametrize(("zones", "intra"), [((), ZONES), (("a", "b", "c", "d"), ZONES), (ZONES, ("a",))])
def test_too_few_or_too_many_zones_are_refused(zones: tuple[str, ...], intra: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="zones"):
        plan_subnets("10.0.0.0/16", zones, intra)
