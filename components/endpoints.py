"""VPC endpoints: S3 through the route tables, other services through interfaces in the private subnets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components import arns, naming
from components.wire import WireResource, ec2

if TYPE_CHECKING:
    from components.base import Component


@dataclass(frozen=True, kw_only=True)
class InterfaceEndpoints:
    region: str
    vpc_id: pulumi.Input[str]
    vpc_cidr: str
    subnet_ids: Sequence[pulumi.Input[str]]
    services: tuple[str, ...]


def gateway_endpoint(
    parent: Component, region: str, vpc_id: pulumi.Input[str], tables: Sequence[pulumi.Input[str]]
) -> WireResource:
    """S3 costs nothing this way, and 100 Gbps of NAT are not in between."""
    inputs = {
        "vpcId": vpc_id,
        "vpcEndpointType": "Gateway",
        "serviceName": arns.endpoint_service(region, "s3"),
        "routeTableIds": list(tables),
    }
    return ec2("VpcEndpoint", naming.logical(parent.name, "s3"), inputs, parent.child())


def interface_endpoints(parent: Component, args: InterfaceEndpoints) -> None:
    if not args.services:
        return
    https = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": [args.vpc_cidr]}
    rules = {
        "vpcId": args.vpc_id,
        "description": "HTTPS from the VPC to AWS service endpoints",
        "ingress": [https],
    }
    group = ec2("SecurityGroup", naming.logical(parent.name, "endpoints"), rules, parent.child())
    for service in args.services:
        inputs = {
            "vpcId": args.vpc_id,
            "vpcEndpointType": "Interface",
            "serviceName": arns.endpoint_service(args.region, service),
            "subnetIds": list(args.subnet_ids),
            "securityGroupIds": [group.id],
            "privateDnsEnabled": True,
        }
        ec2("VpcEndpoint", naming.logical(parent.name, service.replace(".", "-")), inputs, parent.child())
