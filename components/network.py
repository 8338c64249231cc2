"""The VPC: subnets by zone id, routes, NAT, endpoints, flow logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pulumi

from components import arns, naming
from components.base import Component
from components.cidr import plan_subnets
from components.facts import NetworkFacts
from components.flow_logs import FlowLogArgs, record_flows
from components.wire import WireResource, ec2

PRIVATE_CLUSTER_SERVICES: Final = (
    "autoscaling",
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "elasticloadbalancing",
    "kms",
    "logs",
    "sts",
)
"""What nodes, add-ons and controllers call: EKS user guide, private clusters."""


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    environment: str
    account: str
    region: str
    cluster: str
    """Cluster name, for discovery tags."""
    cidr: str
    zones: tuple[str, ...]
    control_plane_zones: tuple[str, ...]
    nat: Literal["none", "single", "per-zone"]
    internet_facing: bool
    """A load balancer needs public subnets even without NAT."""
    endpoints: tuple[str, ...]
    flow_logs: bool
    key_arn: pulumi.Input[str]
    log_retention_days: int
    protect: bool

    @property
    def public(self) -> bool:
        return self.nat != "none" or self.internet_facing

    @property
    def nat_gateways(self) -> int:
        return {"none": 0, "single": 1, "per-zone": len(self.zones)}[self.nat]

    def facts(self) -> NetworkFacts:
        return NetworkFacts(
            environment=self.environment,
            region=self.region,
            zones=self.zones,
            cidr=self.cidr,
            nat=self.nat,
            nat_gateways=self.nat_gateways,
            public_subnets=self.public,
            interface_endpoints=self.endpoints,
            flow_logs=self.flow_logs,
        )


class Network(Component):
    """VPC over one to three zones.

    Private subnets hold nodes and pods, intra subnets the control plane's interfaces (no route out), public
    subnets NAT gateways and public load balancers. The S3 gateway endpoint is always there: weights and image
    layers would otherwise pass NAT.
    """

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Network", name, args.facts(), opts)
        self.args = args
        plan = plan_subnets(args.cidr, args.zones, args.control_plane_zones)
        self.vpc = self._vpc()
        self.public = (
            self._subnets("public", plan.public, {"kubernetes.io/role/elb": "1"}) if args.public else {}
        )
        self.private = self._subnets("private", plan.private, self._private_tags())
        self.intra = self._subnets("intra", plan.intra, {})
        self.route_tables = self._routes()
        self._gateway_endpoint()
        self._interface_endpoints()
        if args.flow_logs:
            record_flows(self, self._flow_log_args())
        self.register_outputs({"vpcId": self.vpc.id})

    @property
    def vpc_name(self) -> str:
        """The VPC's name tag: controllers find it by this."""
        return f"inferstack-{self.args.environment}"

    @property
    def private_subnet_ids(self) -> tuple[pulumi.Output[str], ...]:
        return tuple(subnet.id for subnet in self.private.values())

    @property
    def intra_subnet_ids(self) -> tuple[pulumi.Output[str], ...]:
        return tuple(subnet.id for subnet in self.intra.values())

    def private_subnet_ids_in(self, zones: Sequence[str]) -> tuple[pulumi.Output[str], ...]:
        """Private subnets of those zones that the VPC spans, in the VPC's order."""
        return tuple(subnet.id for zone, subnet in self.private.items() if zone in zones)

    def _vpc(self) -> WireResource:
        inputs = {
            "cidrBlock": self.args.cidr,
            "enableDnsHostnames": True,
            "enableDnsSupport": True,
            "tags": {"Name": self.vpc_name},
        }
        vpc = ec2("Vpc", self.name, inputs, self.child(protect=self.args.protect))
        # an empty default group: nothing may rely on it by accident
        empty = naming.logical(self.name, "default")
        ec2("DefaultSecurityGroup", empty, {"vpcId": vpc.id}, self.child())
        return vpc

    def _flow_log_args(self) -> FlowLogArgs:
        return FlowLogArgs(
            vpc_id=self.vpc.id,
            account=self.args.account,
            region=self.args.region,
            key_arn=self.args.key_arn,
            retention_days=self.args.log_retention_days,
        )

    def _private_tags(self) -> Mapping[str, str]:
        return {"kubernetes.io/role/internal-elb": "1", "karpenter.sh/discovery": self.args.cluster}

    def _subnets(
        self, tier: str, cidrs: Sequence[tuple[str, str]], tags: Mapping[str, str]
    ) -> dict[str, WireResource]:
        return {zone: self._subnet(tier, zone, cidr, tags) for zone, cidr in cidrs}

    def _subnet(self, tier: str, zone: str, cidr: str, tags: Mapping[str, str]) -> WireResource:
        inputs = {
            "vpcId": self.vpc.id,
            "availabilityZoneId": zone,
            "cidrBlock": cidr,
            "mapPublicIpOnLaunch": False,
            "tags": {"Name": f"{self.vpc_name}-{tier}-{zone}", **tags},
        }
        return ec2("Subnet", naming.logical(self.name, tier, zone), inputs, self.child())

    def _routes(self) -> tuple[WireResource, ...]:
        """One table per private zone (its NAT may differ), one for all intra, one for all public subnets."""
        intra = self._table("intra", self.intra.values())
        private = {zone: self._table(f"private-{zone}", [subnet]) for zone, subnet in self.private.items()}
        if not self.args.public:
            return (*private.values(), intra)
        gateway = ec2("InternetGateway", self.name, {"vpcId": self.vpc.id}, self.child())
        public = self._table("public", self.public.values())
        self._default_route("public", public, {"gatewayId": gateway.id})
        nats = self._nat_gateways(gateway)
        for position, (zone, table) in enumerate(private.items()):
            if nats:
                nat = nats[min(position, len(nats) - 1)]
                self._default_route(f"private-{zone}", table, {"natGatewayId": nat.id})
        return (*private.values(), intra, public)

    def _table(self, tier: str, subnets: Iterable[WireResource]) -> WireResource:
        name = naming.logical(self.name, tier)
        tags = {"Name": f"{self.vpc_name}-{tier}"}
        table = ec2("RouteTable", name, {"vpcId": self.vpc.id, "tags": tags}, self.child())
        for position, subnet in enumerate(subnets):
            link = {"routeTableId": table.id, "subnetId": subnet.id}
            ec2("RouteTableAssociation", naming.logical(name, str(position)), link, self.child())
        return table

    def _default_route(self, tier: str, table: WireResource, target: Mapping[str, Any]) -> None:
        inputs = {"routeTableId": table.id, "destinationCidrBlock": "0.0.0.0/0", **target}
        ec2("Route", naming.logical(self.name, tier), inputs, self.child())

    def _nat_gateways(self, gateway: WireResource) -> list[WireResource]:
        nats = []
        for zone in list(self.public)[: self.args.nat_gateways]:
            name, tags = naming.logical(self.name, "nat", zone), {"Name": f"{self.vpc_name}-nat-{zone}"}
            options = self.child(depends_on=[gateway])
            address = ec2("Eip", name, {"domain": "vpc", "tags": tags}, options)
            inputs = {"allocationId": address.id, "subnetId": self.public[zone].id, "tags": tags}
            nats.append(ec2("NatGateway", name, inputs, options))
        return nats

    def _gateway_endpoint(self) -> None:
        inputs = {
            "vpcId": self.vpc.id,
            "vpcEndpointType": "Gateway",
            "serviceName": arns.endpoint_service(self.args.region, "s3"),
            "routeTableIds": [table.id for table in self.route_tables],
        }
        ec2("VpcEndpoint", naming.logical(self.name, "s3"), inputs, self.child())

    def _interface_endpoints(self) -> None:
        if not self.args.endpoints:
            return
        https = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": [self.args.cidr]}
        rules = {
            "vpcId": self.vpc.id,
            "description": "HTTPS from the VPC to AWS service endpoints",
            "ingress": [https],
        }
        group = ec2("SecurityGroup", naming.logical(self.name, "endpoints"), rules, self.child())
        for service in self.args.endpoints:
            inputs = {
                "vpcId": self.vpc.id,
                "vpcEndpointType": "Interface",
                "serviceName": arns.endpoint_service(self.args.region, service),
                "subnetIds": list(self.private_subnet_ids),
                "securityGroupIds": [group.id],
                "privateDnsEnabled": True,
            }
            name = naming.logical(self.name, service.replace(".", "-"))
            ec2("VpcEndpoint", name, inputs, self.child())
