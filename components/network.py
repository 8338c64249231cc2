"""The network: a VPC made here, or one that somebody else keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pulumi

from components import iam
from components.base import Component
from components.facts import NetworkFacts
from components.flow_logs import FlowLogArgs, record_flows
from components.vpc import Vpc, VpcArgs

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
class ExistingVpcArgs:
    """Ids by zone, all known at preview."""

    vpc_id: str
    private: Mapping[str, str]
    control_plane: Mapping[str, str]
    public: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    environment: str
    place: iam.Place
    cidr: str
    zones: tuple[str, ...]
    control_plane_zones: tuple[str, ...]
    nat: Literal["none", "single", "per-zone", "regional"]
    internet_facing: bool
    """A load balancer needs public subnets even without NAT."""
    endpoints: tuple[str, ...]
    flow_logs: Literal["none", "cloudwatch", "s3"]
    flow_log_bucket: str
    """Name of the bucket for ``s3``."""
    key_arn: pulumi.Input[str]
    log_retention_days: int
    protect: bool
    existing: ExistingVpcArgs | None = None

    def vpc(self) -> VpcArgs:
        return VpcArgs(
            environment=self.environment,
            region=self.place.region,
            cluster=self.place.cluster,
            cidr=self.cidr,
            zones=self.zones,
            control_plane_zones=self.control_plane_zones,
            nat=self.nat,
            internet_facing=self.internet_facing,
            endpoints=self.endpoints,
            protect=self.protect,
        )

    def facts(self) -> NetworkFacts:
        vpc, made = self.vpc(), self.existing is None
        return NetworkFacts(
            environment=self.environment,
            region=self.place.region,
            zones=self.zones,
            cidr=self.cidr,
            nat=self.nat if made else "existing",
            nat_gateways=vpc.nat_gateways if made else 0,
            public_subnets=vpc.public if made else bool(self.existing and self.existing.public),
            interface_endpoints=self.endpoints if made else (),
            flow_logs=made and self.flow_logs != "none",
            existing_vpc=self.existing.vpc_id if self.existing else None,
        )


class Network(Component):
    """VPC over one to three zones; of an existing one nothing is created, and its ids are plain."""

    vpc_id: pulumi.Input[str]
    private: Mapping[str, pulumi.Input[str]]
    """Subnet id by zone, of nodes and pods."""
    intra: Mapping[str, pulumi.Input[str]]
    """Subnet id by zone, of the control plane."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Network", name, args.facts(), opts)
        self.args = args
        if args.existing is not None:
            self.vpc_id = args.existing.vpc_id
            self.private, self.intra = args.existing.private, args.existing.control_plane
        else:
            self._create()
        self.register_outputs({"vpcId": self.vpc_id})

    @property
    def vpc_name(self) -> str:
        """The name tag of a VPC made here: controllers find it by this."""
        return self.args.vpc().name

    @property
    def chart_values(self) -> Mapping[str, Any]:
        """How the load balancer controller finds the VPC; the id of one made here is not known at preview."""
        existing = self.args.existing
        return {"vpcId": existing.vpc_id} if existing else {"vpcTags": {"Name": self.vpc_name}}

    @property
    def load_balancer_subnets(self) -> tuple[str, ...]:
        """Named for an existing VPC, whose subnets may lack the tags that they are else found by."""
        existing = self.args.existing
        if existing is None:
            return ()
        return tuple((existing.public if self.args.internet_facing else existing.private).values())

    @property
    def private_subnet_ids(self) -> tuple[pulumi.Input[str], ...]:
        return tuple(self.private.values())

    @property
    def intra_subnet_ids(self) -> tuple[pulumi.Input[str], ...]:
        return tuple(self.intra.values())

    def private_subnet_ids_in(self, zones: Sequence[str]) -> tuple[pulumi.Input[str], ...]:
        """Private subnets of those zones that the VPC spans, in the VPC's order."""
        return tuple(subnet for zone, subnet in self.private.items() if zone in zones)

    def _create(self) -> None:
        made = Vpc(self, self.args.vpc())
        self.vpc_id = made.vpc.id
        self.private = {zone: subnet.id for zone, subnet in made.private.items()}
        self.intra = {zone: subnet.id for zone, subnet in made.intra.items()}
        if self.args.flow_logs != "none":
            record_flows(self, self._flow_log_args(made.vpc.id))

    def _flow_log_args(self, vpc_id: pulumi.Input[str]) -> FlowLogArgs:
        args = self.args
        return FlowLogArgs(
            vpc_id=vpc_id,
            place=args.place,
            bucket=args.flow_log_bucket if args.flow_logs == "s3" else None,
            key_arn=args.key_arn,
            retention_days=args.log_retention_days,
            retain=args.protect,
        )
