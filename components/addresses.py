"""Whether a network has addresses for all that may run in it, before the first pod waits for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from components.cidr import QUARTER_BITS
from inferstack.errors import Problem

PREFIX: Final = 16
"""Addresses a node takes at a time with prefix delegation."""
WARM_PREFIXES: Final = 1
DAEMONS: Final = 12
"""Pods of add-ons and daemons on every node, without those on the host's network."""
SYSTEM_PODS: Final = 98
"""On a node for controllers: with the daemons, the 110 a kubelet takes."""
SPARE_NODES: Final = 2
"""A rolling update of a group starts up to two more in a zone; a new version rolls all groups at once."""
AWS_RESERVED: Final = 5
LOAD_BALANCERS: Final = 32
"""Interfaces of load balancers in a subnet, as they grow."""
USABLE: Final = 0.9
"""Single addresses break up blocks of sixteen; not every one can be had."""
LARGEST, SMALLEST = 16, 20
"""Prefix lengths of a VPC made here."""


@dataclass(frozen=True, kw_only=True)
class NodeDemand:
    """Nodes of one pool at their most."""

    nodes: int
    zones: tuple[str, ...]
    pods: int
    """On a node, without daemons."""
    interfaces: int = 1
    """That take an address of their own: ``efa-only`` ones do not."""

    @property
    def per_node(self) -> int:
        prefixes = ceil((self.pods + DAEMONS) / PREFIX) + WARM_PREFIXES
        # a second interface is attached as soon as the first has no slot for another prefix
        return prefixes * PREFIX + self.interfaces + 1

    @property
    def per_zone(self) -> int:
        return (ceil(self.nodes / len(self.zones)) + SPARE_NODES) * self.per_node


def addresses_needed(pools: Sequence[NodeDemand], *, zone: str, endpoints: int) -> int:
    """In the private subnet of a zone, when every pool is at its most."""
    nodes = sum(pool.per_zone for pool in pools if zone in pool.zones)
    return ceil((nodes + endpoints + LOAD_BALANCERS) / USABLE) + AWS_RESERVED


def subnet_size(prefix_length: int) -> int:
    """Addresses of a private subnet in a VPC of that prefix length."""
    return 1 << (32 - prefix_length - QUARTER_BITS)


def problem(
    *, cidr: str, pools: Sequence[NodeDemand], zones: Sequence[str], endpoints: int
) -> Problem | None:
    """What is wrong with the network's size, and the smallest that would do."""
    needed = {zone: addresses_needed(pools, zone=zone, endpoints=endpoints) for zone in zones}
    zone = max(needed, key=lambda name: needed[name])
    has = subnet_size(int(cidr.rpartition("/")[2]))
    if needed[zone] <= has:
        return None
    fitting = [length for length in range(LARGEST, SMALLEST + 1) if subnet_size(length) >= needed[zone]]
    return Problem(
        message=(
            f"pods may need {needed[zone]:,} addresses in {zone} when all pools are at their most, "
            f"and its private subnet has {has:,}"
        ),
        path="network.cidr",
        value=cidr,
        accepted=f"a /{max(fitting)} network or larger" if fitting else "fewer or smaller workloads",
    )
