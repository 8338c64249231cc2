"""A VPC made here: subnets by zone id, routes, ways out, endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from components import endpoints, naming
from components.base import Component
from components.cidr import plan_subnets
from components.nat import NatArgs, default_route, nat_gateways
from components.wire import WireResource, ec2


@dataclass(frozen=True, kw_only=True)
class VpcArgs:
    environment: str
    region: str
    cluster: str
    """Cluster name, for discovery tags."""
    cidr: str
    zones: tuple[str, ...]
    control_plane_zones: tuple[str, ...]
    nat: Literal["none", "single", "per-zone", "regional"]
    internet_facing: bool
    endpoints: tuple[str, ...]
    protect: bool

    @property
    def name(self) -> str:
        return f"inferstack-{self.environment}"

    @property
    def public(self) -> bool:
        """A regional NAT gateway lives in no subnet."""
        return self.nat in ("single", "per-zone") or self.internet_facing

    @property
    def nat_gateways(self) -> int:
        return {"none": 0, "single": 1, "per-zone": len(self.zones), "regional": 1}[self.nat]


class Vpc:
    """The resources of a VPC, children of ``parent``.

    Private subnets hold nodes and pods, intra subnets the control plane's interfaces (no route out), public
    subnets NAT gateways and public load balancers. The S3 gateway endpoint is always there: weights and image
    layers would otherwise pass NAT.
    """

    def __init__(self, parent: Component, args: VpcArgs) -> None:
        self.parent, self.args = parent, args
        plan = plan_subnets(args.cidr, args.zones, args.control_plane_zones)
        self.vpc = self._vpc()
        self.public = (
            self._subnets("public", plan.public, {"kubernetes.io/role/elb": "1"}) if args.public else {}
        )
        self.private = self._subnets("private", plan.private, self._private_tags())
        self.intra = self._subnets("intra", plan.intra, {})
        tables = self._routes()
        endpoints.gateway_endpoint(parent, args.region, self.vpc.id, [table.id for table in tables])
        where = endpoints.InterfaceEndpoints(
            region=args.region,
            vpc_id=self.vpc.id,
            vpc_cidr=args.cidr,
            subnet_ids=[subnet.id for subnet in self.private.values()],
            services=args.endpoints,
        )
        endpoints.interface_endpoints(parent, where)

    def _vpc(self) -> WireResource:
        inputs = {
            "cidrBlock": self.args.cidr,
            "enableDnsHostnames": True,
            "enableDnsSupport": True,
            "tags": {"Name": self.args.name},
        }
        vpc = ec2("Vpc", self.parent.name, inputs, self.parent.child(protect=self.args.protect))
        # an empty default group: nothing may rely on it by accident
        empty = naming.logical(self.parent.name, "default")
        ec2("DefaultSecurityGroup", empty, {"vpcId": vpc.id}, self.parent.child())
        return vpc

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
            "tags": {"Name": f"{self.args.name}-{tier}-{zone}", **tags},
        }
        return ec2("Subnet", naming.logical(self.parent.name, tier, zone), inputs, self.parent.child())

    def _routes(self) -> tuple[WireResource, ...]:
        """One table per private zone (its NAT may differ), one for all intra, one for all public subnets."""
        intra = self._table("intra", self.intra.values())
        private = {zone: self._table(f"private-{zone}", [subnet]) for zone, subnet in self.private.items()}
        if self.args.nat == "none" and not self.args.public:
            return (*private.values(), intra)
        gateway = ec2("InternetGateway", self.parent.name, {"vpcId": self.vpc.id}, self.parent.child())
        public = [self._table("public", self.public.values())] if self.public else []
        for table in public:
            default_route(self.parent, "public", table, {"gatewayId": gateway.id})
        nats = nat_gateways(self.parent, self._nat_args(gateway))
        for position, (zone, table) in enumerate(private.items()):
            if nats:
                nat = nats[min(position, len(nats) - 1)]
                default_route(self.parent, f"private-{zone}", table, {"natGatewayId": nat.id})
        return (*private.values(), intra, *public)

    def _nat_args(self, gateway: WireResource) -> NatArgs:
        args = self.args
        return NatArgs(
            name=args.name,
            zones=args.zones if args.nat == "regional" else args.zones[: args.nat_gateways],
            vpc_id=self.vpc.id,
            subnet_ids={zone: subnet.id for zone, subnet in self.public.items()},
            regional=args.nat == "regional",
            internet_gateway=gateway,
        )

    def _table(self, tier: str, subnets: Iterable[WireResource]) -> WireResource:
        name, parent = naming.logical(self.parent.name, tier), self.parent
        tags = {"Name": f"{self.args.name}-{tier}"}
        table = ec2("RouteTable", name, {"vpcId": self.vpc.id, "tags": tags}, parent.child())
        for position, subnet in enumerate(subnets):
            link = {"routeTableId": table.id, "subnetId": subnet.id}
            ec2("RouteTableAssociation", naming.logical(name, str(position)), link, parent.child())
        return table
