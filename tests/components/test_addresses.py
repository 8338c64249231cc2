"""Addresses of a network: what all pools at their most take, by hand."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from components.addresses import NodeDemand, addresses_needed, problem, subnet_size
from inferstack.errors import InputError
from tests.components import builders
from tests.components.running import build, preview

ZONES = ("a", "b", "c")


def test_a_node_takes_prefixes_of_sixteen_one_more_and_its_interfaces() -> None:
    # 12 daemons and 4 pods fill one prefix; a fifth pod starts another
    assert NodeDemand(nodes=1, zones=ZONES, pods=4).per_node == 16 + 16 + 2
    assert NodeDemand(nodes=1, zones=ZONES, pods=5).per_node == 32 + 16 + 2
    # every EFA interface that carries IP takes an address more
    assert NodeDemand(nodes=1, zones=ZONES, pods=4, interfaces=32).per_node == 16 + 16 + 33


def test_nodes_are_spread_and_two_more_start_during_an_update() -> None:
    assert NodeDemand(nodes=7, zones=ZONES, pods=4).per_zone == (3 + 2) * 34
    assert NodeDemand(nodes=7, zones=("a",), pods=4).per_zone == (7 + 2) * 34


def test_a_subnet_needs_room_for_endpoints_load_balancers_and_what_aws_keeps() -> None:
    pool = NodeDemand(nodes=3, zones=("a",), pods=4)
    # 5 nodes of 34, 11 endpoints, 32 for load balancers, a tenth for broken blocks, 5 of AWS
    assert addresses_needed([pool], zone="a", endpoints=11) == 237 + 5
    assert addresses_needed([pool], zone="b", endpoints=0) == 36 + 5


@pytest.mark.parametrize(("length", "size"), [(16, 16384), (20, 1024)])
def test_a_private_subnet_is_a_quarter_of_the_network(length: int, size: int) -> None:
    assert subnet_size(length) == size


def test_the_smallest_network_that_does_is_named() -> None:
    pool = NodeDemand(nodes=90, zones=ZONES, pods=4)
    assert problem(cidr="10.0.0.0/19", pools=[pool], zones=ZONES, endpoints=10) is None
    found = problem(cidr="10.0.0.0/20", pools=[pool], zones=ZONES, endpoints=10)
    assert found is not None
    assert (found.path, found.value, found.accepted) == (
        "network.cidr",
        "10.0.0.0/20",
        "a /19 network or larger",
    )


def test_nothing_that_fits_is_said_too() -> None:
    pool = NodeDemand(nodes=2000, zones=ZONES, pods=4)
    found = problem(cidr="10.0.0.0/16", pools=[pool], zones=ZONES, endpoints=10)
    assert found is not None
    assert found.accepted == "fewer or smaller workloads"


def test_an_environment_that_would_run_out_of_addresses_is_refused_before_anything_is_made() -> None:
    args = builders.prod(network={"cidr": "10.40.0.0/20", "nat": "per-zone"})
    preview(build(args))
    crowded = replace(
        args.plan, workloads=tuple(replace(one, max_replicas=80) for one in args.plan.workloads)
    )
    with pytest.raises(InputError, match=re.escape("network.cidr")) as caught:
        preview(build(replace(args, plan=crowded)))
    (found,) = caught.value.problems
    assert found.accepted == "a /18 network or larger"


def test_a_network_that_is_not_made_here_is_not_judged() -> None:
    args = builders.adopted_vpc()
    crowded = replace(
        args.plan, workloads=tuple(replace(one, max_replicas=900) for one in args.plan.workloads)
    )
    preview(build(replace(args, plan=crowded)))
