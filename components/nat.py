"""Ways out of private subnets: NAT gateways of a zone each, or a regional one, with addresses of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from components import naming
from components.wire import WireResource, ec2

if TYPE_CHECKING:
    from components.base import Component


@dataclass(frozen=True, kw_only=True)
class NatArgs:
    name: str
    """Of the VPC, for name tags."""
    zones: tuple[str, ...]
    """Those that get an address: each has a gateway, or the regional one works there."""
    vpc_id: pulumi.Input[str]
    subnet_ids: Mapping[str, pulumi.Input[str]]
    """Public subnets by zone; a regional gateway needs none."""
    regional: bool
    internet_gateway: pulumi.Resource


def nat_gateways(parent: Component, args: NatArgs) -> list[WireResource]:
    """In the order of zones; a regional one alone."""
    options = parent.child(depends_on=[args.internet_gateway])
    addresses = {zone: _address(parent, args, zone, options) for zone in args.zones}
    if args.regional:
        return [_regional(parent, args, addresses, options)]
    return [_zonal(parent, args, zone, address, options) for zone, address in addresses.items()]


def default_route(parent: Component, tier: str, table: WireResource, target: Mapping[str, Any]) -> None:
    inputs = {"routeTableId": table.id, "destinationCidrBlock": "0.0.0.0/0", **target}
    ec2("Route", naming.logical(parent.name, tier), inputs, parent.child())


def _address(parent: Component, args: NatArgs, zone: str, options: pulumi.ResourceOptions) -> WireResource:
    inputs = {"domain": "vpc", "tags": {"Name": f"{args.name}-nat-{zone}"}}
    return ec2("Eip", naming.logical(parent.name, "nat", zone), inputs, options)


def _zonal(
    parent: Component, args: NatArgs, zone: str, address: WireResource, options: pulumi.ResourceOptions
) -> WireResource:
    inputs = {
        "allocationId": address.id,
        "subnetId": args.subnet_ids[zone],
        "tags": {"Name": f"{args.name}-nat-{zone}"},
    }
    return ec2("NatGateway", naming.logical(parent.name, "nat", zone), inputs, options)


def _regional(
    parent: Component,
    args: NatArgs,
    addresses: Mapping[str, WireResource],
    options: pulumi.ResourceOptions,
) -> WireResource:
    """Zones are stated, with one address each: partners can allow them, the bill knows how many."""
    placed = [{"availabilityZoneId": zone, "allocationIds": [one.id]} for zone, one in addresses.items()]
    inputs = {
        "availabilityMode": "regional",
        "connectivityType": "public",
        "vpcId": args.vpc_id,
        "availabilityZoneAddresses": placed,
        "tags": {"Name": f"{args.name}-nat"},
    }
    return ec2("NatGateway", naming.logical(parent.name, "nat"), inputs, options)
