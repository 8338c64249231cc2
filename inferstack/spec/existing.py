"""What an environment takes over instead of creating it: a VPC, a cluster.

Everything that resources are made from is stated here, so that a preview needs no AWS call.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from inferstack.spec.base import Section
from inferstack.spec.identifiers import (
    CertificateData,
    ClusterEndpoint,
    ClusterName,
    SecurityGroupId,
    SubnetId,
    VpcId,
    ZoneId,
)
from inferstack.spec.quantities import Cidr, conflict

Provided = Literal[
    "aws-fsx-csi-driver",
    "aws-load-balancer-controller",
    "cluster-autoscaler",
    "gp3",
    "inference-pool",
    "keda",
    "lws",
]
Subnets = Annotated[dict[ZoneId, SubnetId], Field(max_length=3)]


class ExistingVpc(Section):
    """A VPC somebody else keeps: nothing in it is created, changed or deleted."""

    vpc_id: VpcId
    """Id of the VPC."""
    cidr: Cidr
    """Its IPv4 network."""
    private_subnets: Annotated[Subnets, Field(min_length=1)]
    """Subnet of nodes and pods by zone id; it needs a way to AWS services and an S3 gateway endpoint."""
    control_plane_subnets: Subnets = Field(default_factory=dict)
    """Subnet of the control plane's interfaces by zone id; absent: `privateSubnets`."""
    public_subnets: Subnets = Field(default_factory=dict)
    """Subnet of public load balancers by zone id."""

    @property
    def zones(self) -> tuple[str, ...]:
        """Where nodes can be."""
        return tuple(sorted(self.private_subnets))

    @property
    def control_plane(self) -> dict[str, str]:
        return self.control_plane_subnets or self.private_subnets

    @model_validator(mode="after")
    def _subnets_differ(self) -> Self:
        tiers = {"privateSubnets": self.private_subnets, "publicSubnets": self.public_subnets}
        for name, subnets in tiers.items():
            if len(set(subnets.values())) < len(subnets):
                raise conflict("a subnet stands in two zones", name, accepted="one subnet for each zone")
        shared = set(self.private_subnets.values()) & set(self.public_subnets.values())
        if shared:
            message = f"{min(shared)} is private and public"
            raise conflict(message, "publicSubnets", "privateSubnets", accepted="different subnets")
        if ip_network(self.cidr).version != 4:
            raise conflict("not an IPv4 network", "cidr", accepted="the VPC's IPv4 network: 10.40.0.0/16")
        return self


class ExistingCluster(Section):
    """An EKS cluster somebody else keeps: its control plane and add-ons stay as they are.

    It needs API access entries and the add-ons eks-pod-identity-agent, vpc-cni, coredns, kube-proxy and
    aws-ebs-csi-driver; `aws eks describe-cluster` shows the values.
    """

    name: ClusterName
    """Name of the cluster."""
    endpoint: ClusterEndpoint
    """`cluster.endpoint`: the API server's address."""
    certificate_authority: CertificateData
    """`cluster.certificateAuthority.data`, in base64."""
    security_group_id: SecurityGroupId
    """`cluster.resourcesVpcConfig.clusterSecurityGroupId`."""
    provides: tuple[Provided, ...] = ()
    """What runs in it already and is not installed again; `gp3`: a storage class of that name."""
