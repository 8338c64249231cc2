"""The VPC: subnets by zone id, routes, NAT, endpoints, flow logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import pulumi
import pulumi_aws as aws

from components import arns, naming
from components.base import Component
from components.cidr import plan_subnets
from components.facts import NetworkFacts
from components.flow_logs import FlowLogArgs, record_flows

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

    def _vpc(self) -> aws.ec2.Vpc:
        vpc = aws.ec2.Vpc(
            self.name,
            cidr_block=self.args.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": self.vpc_name},
            opts=self.child(protect=self.args.protect),
        )
        # an empty default group: nothing may rely on it by accident
        aws.ec2.DefaultSecurityGroup(naming.logical(self.name, "default"), vpc_id=vpc.id, opts=self.child())
        return vpc

    def _flow_log_args(self) -> FlowLogArgs:
        return FlowLogArgs(
            vpc_id=self.vpc.id,
            region=self.args.region,
            key_arn=self.args.key_arn,
            retention_days=self.args.log_retention_days,
        )

    def _private_tags(self) -> Mapping[str, str]:
        return {"kubernetes.io/role/internal-elb": "1", "karpenter.sh/discovery": self.args.cluster}

    def _subnets(
        self, tier: str, cidrs: Sequence[tuple[str, str]], tags: Mapping[str, str]
    ) -> dict[str, aws.ec2.Subnet]:
        return {
            zone: aws.ec2.Subnet(
                naming.logical(self.name, tier, zone),
                vpc_id=self.vpc.id,
                availability_zone_id=zone,
                cidr_block=cidr,
                map_public_ip_on_launch=False,
                tags={"Name": f"inferstack-{self.args.environment}-{tier}-{zone}", **tags},
                opts=self.child(),
            )
            for zone, cidr in cidrs
        }

    def _routes(self) -> tuple[aws.ec2.RouteTable, ...]:
        """One table per private zone (its NAT may differ), one for all intra, one for all public subnets."""
        intra = self._table("intra", self.intra.values())
        if not self.args.public:
            return (*(self._table(f"private-{zone}", [net]) for zone, net in self.private.items()), intra)
        gateway = aws.ec2.InternetGateway(self.name, vpc_id=self.vpc.id, opts=self.child())
        public = self._table("public", self.public.values())
        self._default_route("public", public, gateway_id=gateway.id)
        nats = self._nat_gateways(gateway)
        private = []
        for position, (zone, subnet) in enumerate(self.private.items()):
            table = self._table(f"private-{zone}", [subnet])
            private.append(table)
            if nats:
                nat = nats[min(position, len(nats) - 1)]
                self._default_route(f"private-{zone}", table, nat_gateway_id=nat.id)
        return (*private, intra, public)

    def _table(self, tier: str, subnets: Iterable[aws.ec2.Subnet]) -> aws.ec2.RouteTable:
        name = naming.logical(self.name, tier)
        table = aws.ec2.RouteTable(
            name,
            vpc_id=self.vpc.id,
            tags={"Name": f"inferstack-{self.args.environment}-{tier}"},
            opts=self.child(),
        )
        for position, subnet in enumerate(subnets):
            aws.ec2.RouteTableAssociation(
                naming.logical(name, str(position)),
                route_table_id=table.id,
                subnet_id=subnet.id,
                opts=self.child(),
            )
        return table

    def _default_route(
        self,
        tier: str,
        table: aws.ec2.RouteTable,
        *,
        gateway_id: pulumi.Input[str] | None = None,
        nat_gateway_id: pulumi.Input[str] | None = None,
    ) -> None:
        aws.ec2.Route(
            naming.logical(self.name, tier),
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway_id,
            nat_gateway_id=nat_gateway_id,
            opts=self.child(),
        )

    def _nat_gateways(self, gateway: aws.ec2.InternetGateway) -> list[aws.ec2.NatGateway]:
        zones = list(self.public)[: self.args.nat_gateways]
        nats = []
        for zone in zones:
            name = naming.logical(self.name, "nat", zone)
            tags = {"Name": f"inferstack-{self.args.environment}-nat-{zone}"}
            address = aws.ec2.Eip(name, domain="vpc", tags=tags, opts=self.child(depends_on=[gateway]))
            nats.append(
                aws.ec2.NatGateway(
                    name,
                    allocation_id=address.id,
                    subnet_id=self.public[zone].id,
                    tags=tags,
                    opts=self.child(depends_on=[gateway]),
                )
            )
        return nats

    def _gateway_endpoint(self) -> None:
        aws.ec2.VpcEndpoint(
            naming.logical(self.name, "s3"),
            vpc_id=self.vpc.id,
            vpc_endpoint_type="Gateway",
            service_name=arns.endpoint_service(self.args.region, "s3"),
            route_table_ids=[table.id for table in self.route_tables],
            opts=self.child(),
        )

    def _interface_endpoints(self) -> None:
        if not self.args.endpoints:
            return
        group = aws.ec2.SecurityGroup(
            naming.logical(self.name, "endpoints"),
            vpc_id=self.vpc.id,
            description="HTTPS from the VPC to AWS service endpoints",
            ingress=[{"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": [self.args.cidr]}],
            opts=self.child(),
        )
        for service in self.args.endpoints:
            aws.ec2.VpcEndpoint(
                naming.logical(self.name, service.replace(".", "-")),
                vpc_id=self.vpc.id,
                vpc_endpoint_type="Interface",
                service_name=arns.endpoint_service(self.args.region, service),
                subnet_ids=list(self.private_subnet_ids),
                security_group_ids=[group.id],
                private_dns_enabled=True,
                opts=self.child(),
            )
