"""How the VPC's addresses are divided.

Every pod has a VPC address and prefix delegation takes them sixteen at a time, so each zone's private subnet
gets a quarter of the network: 16,382 addresses of a /16. Load balancers and NAT need few, control-plane
interfaces fewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

QUARTER_BITS = 2
PUBLIC_BITS = 6
INTRA_BITS = 8


@dataclass(frozen=True, kw_only=True)
class SubnetPlan:
    """Zone id and CIDR of each subnet, in zone order."""

    private: tuple[tuple[str, str], ...]
    public: tuple[tuple[str, str], ...]
    intra: tuple[tuple[str, str], ...]


def plan_subnets(cidr: str, zones: tuple[str, ...], control_plane_zones: tuple[str, ...]) -> SubnetPlan:
    """Divides a /16 to /20: private subnets in the first three quarters, the rest shares the fourth.

    Up to three of each kind; the order of zones decides, so adding a zone at the end moves nothing.
    """
    if not 1 <= len(zones) <= 3 or not 2 <= len(control_plane_zones) <= 3:
        raise ValueError("one to three zones, two or three of them for the control plane")
    quarters = list(IPv4Network(cidr).subnets(prefixlen_diff=QUARTER_BITS))
    rest = quarters[3]
    public = list(rest.subnets(prefixlen_diff=PUBLIC_BITS - QUARTER_BITS))
    # the first four sixteenths of the rest hold public subnets, the small ones start after them
    intra = list(rest.subnets(prefixlen_diff=INTRA_BITS - QUARTER_BITS))[16:]
    return SubnetPlan(
        private=_assign(zones, quarters),
        public=_assign(zones, public),
        intra=_assign(control_plane_zones, intra),
    )


def _assign(zones: tuple[str, ...], networks: list[IPv4Network]) -> tuple[tuple[str, str], ...]:
    return tuple((zone, str(network)) for zone, network in zip(zones, networks, strict=False))
