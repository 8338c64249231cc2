"""`kind: Environment`: where workloads run. Values only; no file is opened here.

Attributes are the file's camelCase names in snake_case. Durations are ``timedelta``, percentages fractions
(0..1), money Decimal USD.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from inferstack.spec.base import Section
from inferstack.spec.capacity import Budget
from inferstack.spec.existing import ExistingCluster, ExistingVpc
from inferstack.spec.gateway import Gateway
from inferstack.spec.identifiers import (
    PULL_THROUGH,
    AccountId,
    CountryCode,
    KmsKeyArn,
    Name,
    PathText,
    RegionId,
    Registry,
    Residency,
    RoleArn,
    Shape,
    ZoneId,
)
from inferstack.spec.monitoring import Monitoring
from inferstack.spec.quantities import Cidr, VpcCidr, conflict
from inferstack.spec.safety import Safety
from inferstack.spec.store import ModelStore

DRA_MINOR = 34
"""Kubernetes 1.34 has the resource API that the driver and EKS support: EKS user guide, NVIDIA devices."""
EVERYWHERE = ("0.0.0.0/0", "::/0")
KubernetesVersion = Annotated[
    str, Shape(r"1\.[0-9]{2}", "not a Kubernetes version", 'a minor version in quotes: "1.35"', 4)
]
TagKey = Annotated[
    str,
    Shape(
        r"(?![aA][wW][sS]:)[A-Za-z0-9_ .:/=+@-]+",
        "not a tag key",
        "letters, digits, _.:/=+-@; not aws:...",
        128,
    ),
]
TagValue = Annotated[
    str, Shape(r"[A-Za-z0-9_ .:/=+@-]*", "not a tag value", "letters, digits, spaces, _.:/=+-@", 256)
]


def _zones_kind(value: Any) -> str:
    return "ids" if isinstance(value, list | tuple) else "count"


Zones = Annotated[
    Annotated[Annotated[int, Field(ge=1, le=3)], Tag("count")]
    | Annotated[tuple[ZoneId, ...], Field(min_length=1, max_length=3), Tag("ids")],
    Discriminator(_zones_kind),
]


class Cloud(Section):
    """The account and place."""

    provider: Literal["aws"] = "aws"
    """Cloud provider."""
    account: AccountId
    """AWS account id, in quotes."""
    region: RegionId
    """AWS region id."""
    zones: Zones = 3
    """How many availability zones, or their ids; EKS needs two for its control plane."""

    @property
    def zone_count(self) -> int:
        return self.zones if isinstance(self.zones, int) else len(self.zones)

    @model_validator(mode="after")
    def _zones_differ(self) -> Self:
        if isinstance(self.zones, tuple) and len(set(self.zones)) < len(self.zones):
            raise conflict(
                "a zone stands twice", "zones", accepted="1, 2, 3 or one to three different zone ids"
            )
        return self


class EnvironmentData(Section):
    """Where data may be."""

    residency: tuple[Residency, ...] = ()
    """`EU`, country codes or region ids, any of them; empty: anywhere."""


_OF_A_NEW_VPC = {
    "cidr": "cidr",
    "nat": "nat",
    "private": "private",
    "interface_endpoints": "interfaceEndpoints",
    "flow_logs": "flowLogs",
    "flow_logs_to": "flowLogsTo",
}
_OF_A_NEW_CLUSTER = {
    "endpoint": "endpoint",
    "public_access_cidrs": "publicAccessCidrs",
    "open_to_internet": "openToInternet",
    "admin_role_arns": "adminRoleArns",
    "deletion_protection": "deletionProtection",
    "extended_support": "extendedSupport",
}


class Network(Section):
    """The VPC."""

    cidr: VpcCidr = "10.0.0.0/16"
    """Private IPv4 network of /16 to /20."""
    nat: Literal["none", "single", "per-zone", "regional"] = "single"
    """NAT gateways: one for all zones, one per zone, a regional one that spans the zones, or none."""
    private: bool = True
    """Nodes reach AWS services without crossing the internet."""
    interface_endpoints: bool = Field(default_factory=lambda data: bool(data.get("private", True)))
    """VPC interface endpoints for AWS services; absent: as `private`."""
    flow_logs: bool = True
    """VPC flow logs."""
    flow_logs_to: Literal["cloudwatch", "s3"] = "cloudwatch"
    """Where they go, in the region: `s3` costs less, `cloudwatch` can be searched at once."""
    existing: ExistingVpc | None = None
    """A VPC to use; absent: one is created."""

    @property
    def vpc_cidr(self) -> str:
        """Of the VPC, created or not."""
        return self.existing.cidr if self.existing is not None else self.cidr

    @model_validator(mode="after")
    def _one_vpc(self) -> Self:
        if self.existing is None:
            return self
        for name, wire in _OF_A_NEW_VPC.items():
            if name in self.model_fields_set:
                message = "has no effect in an existing VPC, which is left as it is"
                raise conflict(message, wire, "existing", accepted="leave it out")
        return self

    @model_validator(mode="after")
    def _logs_have_a_place(self) -> Self:
        if not self.flow_logs and "flow_logs_to" in self.model_fields_set:
            raise conflict(
                "has no effect without flow logs", "flowLogsTo", "flowLogs", accepted="flowLogs: true"
            )
        return self

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.nat == "none" and not self.interface_endpoints:
            message = "without NAT and without interface endpoints no node can join the cluster"
            raise conflict(
                message, "nat", "interfaceEndpoints", accepted="nat: single, or interfaceEndpoints: true"
            )
        return self


class Cluster(Section):
    """The EKS cluster."""

    version: KubernetesVersion = "1.35"
    """Kubernetes minor version, in quotes."""
    endpoint: Literal["private", "public"] = "private"
    """Whether the API server has a public address beside the private one."""
    public_access_cidrs: tuple[Cidr, ...] = ()
    """Networks that may reach a public endpoint; required with `endpoint: public`."""
    open_to_internet: bool = False
    """Say `true` to allow 0.0.0.0/0 among `publicAccessCidrs`."""
    gpu_nodes: Literal["managed", "karpenter"] = "managed"
    """Who starts GPU nodes: EKS managed node groups with the cluster autoscaler, or Karpenter."""
    node_image: Literal["al2023", "bottlerocket"] = "al2023"
    """Image of GPU nodes, each in its NVIDIA variant."""
    gpu_devices: Literal["device-plugin", "dra"] = "device-plugin"
    """Who hands GPUs to pods: NVIDIA's device plugin, or its DRA driver; never both."""
    admin_role_arns: tuple[RoleArn, ...] = ()
    """IAM roles with cluster-admin access, beside the one that creates the cluster."""
    deletion_protection: bool = True
    """Refuse to delete the cluster."""
    extended_support: bool = False
    """Stay on a version when its standard support ends, at a higher price; else EKS upgrades it then."""
    existing: ExistingCluster | None = None
    """A cluster to use, with `version` its version; absent: one is created."""

    @model_validator(mode="after")
    def _one_cluster(self) -> Self:
        if self.existing is None:
            return self
        for name, wire in _OF_A_NEW_CLUSTER.items():
            if name in self.model_fields_set:
                message = "has no effect on an existing cluster, which is left as it is"
                raise conflict(message, wire, "existing", accepted="leave it out")
        return self

    @model_validator(mode="after")
    def _devices_are_handed_out(self) -> Self:
        if self.gpu_devices == "device-plugin":
            return self
        if self.gpu_nodes == "karpenter":
            message = "Karpenter starts nodes for the device plugin's GPUs only"
            raise conflict(message, "gpuDevices", "gpuNodes", accepted="device-plugin, or gpuNodes: managed")
        if int(self.version.partition(".")[2]) < DRA_MINOR:
            message = f"the DRA driver needs Kubernetes 1.{DRA_MINOR}"
            raise conflict(message, "gpuDevices", "version", accepted="device-plugin, or a later version")
        return self

    @model_validator(mode="after")
    def _endpoint_is_bounded(self) -> Self:
        if self.endpoint == "private" and self.public_access_cidrs:
            message = "has no effect on a private endpoint"
            raise conflict(
                message, "publicAccessCidrs", "endpoint", accepted="endpoint: public, or leave it out"
            )
        if self.endpoint == "public" and not self.public_access_cidrs:
            message = "a public endpoint needs the networks that may reach it"
            raise conflict(
                message, "endpoint", "publicAccessCidrs", accepted="publicAccessCidrs: [203.0.113.0/24]"
            )
        everywhere = [cidr for cidr in self.public_access_cidrs if cidr in EVERYWHERE]
        if everywhere and not self.open_to_internet:
            message = f"{everywhere[0]} opens the API server to everyone"
            accepted = "your own networks, or openToInternet: true as well"
            raise conflict(message, "publicAccessCidrs", "openToInternet", accepted=accepted)
        return self


class PolicySettings(Section):
    """How findings are treated, and what is never allowed here."""

    strict: bool = True
    """A rule that cannot decide counts as failed."""
    level: Literal["mandatory", "advisory"] = "mandatory"
    """`mandatory`: findings stop; `advisory`: findings warn."""
    waivers: PathText | None = None
    """File of accepted exceptions, relative to this file."""
    deny_developer_countries: tuple[CountryCode, ...] = ()
    """No models developed there."""
    deny_models: tuple[Annotated[str, Shape(r"\S+", "not a model id", "an id or a glob: Qwen/*")], ...] = ()
    """Model ids that are not allowed; `*` matches anything."""
    deny_licences: tuple[
        Annotated[str, Shape(r"\S+", "not a licence id", "a licence id of the catalog")], ...
    ] = ()
    """Licence ids that are not allowed."""


class Secrets(Section):
    """How secrets at rest are encrypted."""

    kms_key: KmsKeyArn | None = None
    """An existing KMS key; absent: one is created."""


class Environment(Section):
    """One place where workloads run: an account, a region, a cluster and the rules that hold there."""

    api_version: Literal["inferstack/v1"]
    """Version of this format."""
    kind: Literal["Environment"]
    """What this file describes."""
    name: Name
    """Names the stack and everything in it."""
    cloud: Cloud
    """The account and place."""
    data: EnvironmentData = EnvironmentData()
    """Where data may be."""
    network: Network = Network()
    """The VPC."""
    cluster: Cluster = Cluster()
    """The EKS cluster."""
    gateway: Gateway | None = None
    """The entrance; absent: workloads are reachable inside the cluster only."""
    monitoring: Monitoring = Monitoring()
    """Metrics, dashboards, alerts."""
    model_store: ModelStore = ModelStore()
    """The bucket with the weights."""
    registry: Registry | None = None
    """Image mirror, put before every image name, charts' included; absent: public registries.

    `ecr-pull-through`: ECR of this account and region, filled on the first pull.
    """
    secrets: Secrets = Secrets()
    """How secrets are encrypted."""
    policy: PolicySettings = PolicySettings()
    """How findings are treated."""
    budget: Budget | None = None
    """Monthly limit of the whole environment."""
    safety: Safety = Safety()
    """Guards of the account."""
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=40)] = Field(default_factory=dict)
    """AWS tags on everything."""
    workloads: PathText = "workloads/"
    """Folder of the workload files, relative to this file."""

    @property
    def zone_ids(self) -> tuple[str, ...]:
        """Zones that the file names, by themselves or with the subnets of a VPC; empty: they are chosen."""
        if self.network.existing is not None:
            return self.network.existing.zones
        return self.cloud.zones if isinstance(self.cloud.zones, tuple) else ()

    @model_validator(mode="after")
    def _adopts_what_fits(self) -> Self:
        """A VPC as given must hold what is put into it; a cluster lives in a VPC that exists."""
        vpc, cluster = self.network.existing, self.cluster.existing
        if vpc is None:
            if cluster is not None:
                message = "an existing cluster lives in an existing VPC"
                raise conflict(
                    message, "cluster.existing", "network.existing", accepted="network.existing too"
                )
            return self
        if "zones" in self.cloud.model_fields_set and set(self.zone_ids) != set(_listed(self.cloud.zones)):
            message = "the zones are those of network.existing.privateSubnets"
            accepted = f"leave it out, or [{', '.join(self.zone_ids)}]"
            raise conflict(message, "cloud.zones", "network.existing", accepted=accepted)
        for needed, subnets, field in _subnet_needs(self, vpc):
            if len(subnets) < 2:
                raise conflict(f"{needed} needs subnets in two zones", f"network.existing.{field}")
        return self

    @model_validator(mode="after")
    def _images_can_be_pulled(self) -> Self:
        if self.network.nat == "none" and self.network.existing is None and self.registry is None:
            message = "without NAT no image can be pulled from a public registry"
            accepted = "registry: a mirror in ECR of the region, or nat: single"
            raise conflict(message, "network.nat", "registry", accepted=accepted)
        if self.network.nat == "none" and self.network.existing is None and self.registry == PULL_THROUGH:
            message = "the first pull through ECR's cache needs a NAT gateway in the VPC"
            accepted = "nat: single, or a mirror that holds the images"
            raise conflict(message, "network.nat", "registry", accepted=accepted)
        return self

    @model_validator(mode="after")
    def _files_have_a_driver(self) -> Self:
        """The add-ons of a cluster that somebody else keeps stay as they are."""
        existing = self.cluster.existing
        lacking = existing is not None and "aws-fsx-csi-driver" not in existing.provides
        if self.model_store.file_system == "fsx-lustre" and lacking:
            message = "the existing cluster needs the add-on aws-fsx-csi-driver"
            accepted = "aws-fsx-csi-driver among cluster.existing.provides, or fileSystem: none"
            raise conflict(message, "modelStore.fileSystem", "cluster.existing", accepted=accepted)
        return self

    @model_validator(mode="after")
    def _cache_has_a_place(self) -> Self:
        if self.model_store.compile_cache == "node" and self.cluster.node_image == "bottlerocket":
            message = "Bottlerocket has no place on the host for a cache"
            accepted = "compileCache: pod, or nodeImage: al2023"
            raise conflict(message, "modelStore.compileCache", "cluster.nodeImage", accepted=accepted)
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        arn = self.gateway.certificate_arn if self.gateway is not None else None
        if arn is not None and arn.split(":")[3] != self.cloud.region:
            message = "the certificate is of another region than cloud.region"
            raise conflict(
                message, "gateway.certificateArn", "cloud.region", accepted=f"one of {self.cloud.region}"
            )
        topic = self.monitoring.alerts.topic_arn
        if topic is not None and topic.split(":")[3] != self.cloud.region:
            message = "the topic is of another region than cloud.region"
            raise conflict(
                message,
                "monitoring.alerts.topicArn",
                "cloud.region",
                accepted=f"one of {self.cloud.region}",
            )
        return self


def _listed(zones: int | tuple[str, ...]) -> tuple[str, ...]:
    return zones if isinstance(zones, tuple) else ()


def _subnet_needs(environment: Environment, vpc: ExistingVpc) -> list[tuple[str, dict[str, str], str]]:
    """What needs two zones, the subnets it would use, and their field."""
    found = []
    if environment.cluster.existing is None:
        field = "controlPlaneSubnets" if vpc.control_plane_subnets else "privateSubnets"
        found.append(("a control plane", vpc.control_plane, field))
    if environment.gateway is not None and environment.gateway.scheme == "internet-facing":
        found.append(("an internet-facing load balancer", vpc.public_subnets, "publicSubnets"))
    elif environment.gateway is not None:
        found.append(("a load balancer", vpc.private_subnets, "privateSubnets"))
    return found
