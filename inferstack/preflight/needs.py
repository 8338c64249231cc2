"""What an environment needs of an account, read from the graph of what will be made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from inferstack.errors import InputError
from inferstack.facts import ENVIRONMENT_TYPE, WORKLOAD_TYPE, EnvironmentFacts, FallbackFacts
from inferstack.view import View, known_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferstack.resources import Resource, ResourceIndex

POOL_TYPE: Final = "inferstack:index:GpuPool"
NETWORK_TYPE: Final = "inferstack:index:Network"
CLUSTER_TYPE: Final = "inferstack:index:Cluster"
GATEWAY_TYPE: Final = "inferstack:index:Gateway"
OWN_TAG: Final = "inferstack.dev/environment"
"""Tag with the environment's name on everything of it."""
_SUBNET: Final = re.compile(r"\bsubnet-[0-9a-f]{8,17}\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """GPU nodes of one workload."""

    workload: str
    instance_type: str
    instance_types: tuple[str, ...]
    """All that may start; the first is planned."""
    zones: tuple[str, ...]
    purchase: str
    reservation_id: str | None
    nodes: int
    max_nodes: int
    warm_nodes: int = 0
    """Started and waiting, beside ``nodes``."""
    standby: bool = False
    """Empty until AWS has no capacity of the workload's first pool."""

    @property
    def planned_nodes(self) -> int:
        """What runs from the start."""
        return 0 if self.standby else self.nodes + self.warm_nodes

    @property
    def reserved(self) -> bool:
        """Its capacity is reserved: the reservation counts, not the instances in it."""
        return self.reservation_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNeeds:
    name: str
    version: str
    system_types: tuple[str, ...]
    """Any of them will do."""
    system_nodes: int
    system_nodes_max: int
    existing: bool = False
    """It is not made here, and must be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedVpc:
    """A VPC that is not made here."""

    id: str
    subnets: tuple[str, ...]
    """Ids of those that something is put into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayNeeds:
    host: str
    tls: str
    certificate_arn: str | None
    """An existing certificate; None: one is requested, or there is no TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedModel:
    workload: str
    checkpoint: str
    gated: bool | None
    """None: not established."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    workload: str
    provider: str
    model: str
    region: str
    endpoint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Something with a fixed name in a region."""

    name: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedImage:
    """A container image that runs by its tag."""

    name: str
    """In ``inferstack:imageDigests``."""
    reference: str
    """As its publisher names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Plain values; everything here is known before deployment."""

    environment: str
    account: str
    region: str
    zones: tuple[str, ...]
    residency: tuple[str, ...]
    strict: bool
    pools: tuple[Pool, ...]
    clusters: tuple[ClusterNeeds, ...]
    gateways: tuple[GatewayNeeds, ...]
    models: tuple[GatedModel, ...]
    fallbacks: tuple[Fallback, ...]
    missing_secrets: tuple[str, ...]
    """Configuration that `up` needs and does not have."""
    buckets: tuple[Named, ...]
    log_groups: tuple[Named, ...]
    key_aliases: tuple[Named, ...]
    elastic_ips: int
    vpcs: int
    secret_names: tuple[Named, ...] = ()
    adopted_vpcs: tuple[AdoptedVpc, ...] = ()
    tagged_images: tuple[TaggedImage, ...] = ()


def needs_of(graph: ResourceIndex) -> Needs:
    """What the graph needs. InputError when it is no environment of ours."""
    found = graph.of_type(ENVIRONMENT_TYPE)
    if not found:
        raise InputError(f"the program makes no environment ({ENVIRONMENT_TYPE}): nothing to look into")
    view = View(found[0].inputs)
    facts = EnvironmentFacts(view)
    region = facts.region
    workloads = [View(resource.inputs) for resource in graph.of_type(WORKLOAD_TYPE)]
    return Needs(
        environment=facts.name,
        account=view.required_text("account"),
        region=region,
        zones=facts.zones,
        residency=facts.residency,
        strict=facts.strict,
        pools=tuple(_pool(View(resource.inputs)) for resource in graph.of_type(POOL_TYPE)),
        clusters=tuple(_cluster(View(resource.inputs)) for resource in graph.of_type(CLUSTER_TYPE)),
        gateways=tuple(_gateway(resource, graph) for resource in graph.of_type(GATEWAY_TYPE)),
        models=tuple(_model(workload) for workload in workloads),
        fallbacks=tuple(found for workload in workloads for found in _fallbacks(workload, region)),
        missing_secrets=view.texts("missingSecrets"),
        buckets=_named(graph, "aws:s3/bucket:Bucket", "bucket", region),
        log_groups=_named(graph, "aws:cloudwatch/logGroup:LogGroup", "name", region),
        key_aliases=_named(graph, "aws:kms/alias:Alias", "name", region),
        secret_names=_named(graph, "aws:secretsmanager/secret:Secret", "name", region),
        elastic_ips=len(graph.of_type("aws:ec2/eip:Eip")),
        vpcs=len(graph.of_type("aws:ec2/vpc:Vpc")),
        adopted_vpcs=_adopted(graph),
        tagged_images=_tagged(view.view("taggedImages")),
    )


def _tagged(images: View) -> tuple[TaggedImage, ...]:
    return tuple(
        TaggedImage(name=name, reference=images.required_text(name)) for name in sorted(images.names())
    )


def _pool(view: View) -> Pool:
    planned = view.required_text("instanceType")
    return Pool(
        workload=view.required_text("workload"),
        instance_type=planned,
        instance_types=view.texts("instanceTypes") or (planned,),
        zones=view.texts("zones"),
        purchase=view.required_text("purchase"),
        reservation_id=view.text("reservationId"),
        nodes=_count(view, "nodes"),
        max_nodes=_count(view, "maxNodes"),
        warm_nodes=_count(view, "warmNodes"),
        standby=view.flag("standby") is True,
    )


def _cluster(view: View) -> ClusterNeeds:
    return ClusterNeeds(
        name=view.required_text("clusterName"),
        version=view.required_text("version"),
        system_types=view.texts("systemInstanceTypes"),
        system_nodes=_count(view, "systemNodes"),
        system_nodes_max=_count(view, "systemNodesMax"),
        existing=view.flag("existing") is True,
    )


def _adopted(graph: ResourceIndex) -> tuple[AdoptedVpc, ...]:
    ids = [View(resource.inputs).text("existingVpc") for resource in graph.of_type(NETWORK_TYPE)]
    subnets = {
        name
        for resource in graph
        for _, text in known_texts(resource.inputs)
        for name in _SUBNET.findall(text)
    }
    return tuple(AdoptedVpc(id=found, subnets=tuple(sorted(subnets))) for found in ids if found)


def _gateway(gateway: Resource, graph: ResourceIndex) -> GatewayNeeds:
    view = View(gateway.inputs)
    return GatewayNeeds(
        host=view.required_text("host"),
        tls=view.required_text("tls"),
        certificate_arn=_certificate_arn(graph) if view.text("certificate") == "existing" else None,
    )


def _certificate_arn(graph: ResourceIndex) -> str | None:
    """The existing certificate, as the load balancer's objects name it."""
    for resource in graph:
        for _, text in known_texts(resource.inputs):
            if text.startswith("arn:aws") and ":acm:" in text:
                return text
    return None


def _model(view: View) -> GatedModel:
    return GatedModel(
        workload=view.required_text("workload"),
        checkpoint=view.required_text("checkpoint"),
        gated=view.flag("gated"),
    )


def _fallbacks(view: View, region: str) -> list[Fallback]:
    facts = [FallbackFacts(found) for found in view.views("fallback")]
    return [
        Fallback(
            workload=view.required_text("workload"),
            provider=found.provider,
            model=found.model,
            region=found.region or region,
            endpoint=found.endpoint,
        )
        for found in facts
        if found.enabled
    ]


def _named(graph: ResourceIndex, type_: str, key: str, region: str) -> tuple[Named, ...]:
    """Resources of a type whose name is known; one that AWS names itself cannot clash."""
    inputs: list[Mapping[str, object]] = [resource.inputs for resource in graph.of_type(type_)]
    found = [
        Named(name=name, region=str(values.get("region") or region))
        for values in inputs
        if isinstance(name := values.get(key), str)
    ]
    return tuple(sorted(found, key=lambda named: (named.region, named.name)))


def _count(view: View, key: str) -> int:
    return int(view.number(key) or 0)
