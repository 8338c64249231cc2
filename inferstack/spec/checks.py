"""Names in a spec against what exists, and places against each other.

The catalog is an argument; what is needed of it stands in the protocols, so that specs and catalog do not
know each other. A lookup that fails raises InputError with the nearest names: a finding at its line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from inferstack.errors import InputError
from inferstack.spec.problems import Finding

if TYPE_CHECKING:
    import datetime as dt

    from inferstack.spec.environment import Cluster, Environment
    from inferstack.spec.existing import ExistingVpc
    from inferstack.spec.workload import Workload
    from inferstack.spec.yaml_lines import DocPath


class RegionFacts(Protocol):
    """A region, as far as a spec is checked against it."""

    @property
    def id(self) -> str: ...
    @property
    def zones(self) -> tuple[str, ...]: ...
    @property
    def control_plane_excluded_zones(self) -> tuple[str, ...]: ...


class VersionFacts(Protocol):
    """A Kubernetes version on EKS."""

    @property
    def version(self) -> str: ...
    @property
    def end_of_standard_support(self) -> dt.date: ...
    @property
    def end_of_extended_support(self) -> dt.date: ...
    def support(self, day: dt.date) -> Literal["standard", "extended", "ended"]: ...


class CatalogFacts(Protocol):
    """What a spec may name. Each lookup of an unknown name raises InputError."""

    def model(self, name: str, /) -> object: ...
    def instance(self, name: str, /) -> object: ...
    def licence(self, name: str, /) -> object: ...
    def region(self, name: str, /) -> RegionFacts: ...
    def regions(self) -> Sequence[RegionFacts]: ...
    def regions_for(self, residency: Sequence[str], /) -> Sequence[RegionFacts]: ...
    def eks_version(self, version: str, /) -> VersionFacts: ...
    def eks_versions(self) -> Sequence[VersionFacts]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What is known when a spec is checked."""

    catalog: CatalogFacts
    today: dt.date
    resolve_model: Callable[[str], object] | None = None
    """Also finds derivatives (quantized, fine-tuned) of catalog models; None: only the catalog's names."""


def _named(lookup: Callable[[str], object], name: str, path: DocPath) -> Iterator[Finding]:
    try:
        lookup(name)
    except InputError as error:
        told = error.problems[0]
        near = told.did_you_mean
        yield Finding(path=path, message=told.message, accepted=told.accepted, did_you_mean=near)


def _all_named(lookup: Callable[[str], object], names: Sequence[str], path: DocPath) -> Iterator[Finding]:
    for index, name in enumerate(names):
        yield from _named(lookup, name, (*path, index))


def check_workload(workload: Workload, known: Knowledge) -> Iterator[Finding]:
    """Model, instance types, places and zones that do not exist."""
    catalog = known.catalog
    model = workload.model
    if model.id is not None and model.hf_config is None:
        yield from _named(known.resolve_model or catalog.model, model.id, ("model", "id"))
    capacity = workload.capacity
    yield from _all_named(catalog.instance, capacity.allow_instance_types, ("capacity", "allowInstanceTypes"))
    yield from _all_named(catalog.instance, capacity.deny_instance_types, ("capacity", "denyInstanceTypes"))
    yield from _residency(workload.data.residency, catalog)
    for index, fallback in enumerate(workload.fallback):
        if fallback.region is not None:
            yield from _named(catalog.region, fallback.region, ("fallback", index, "region"))


def check_environment(environment: Environment, known: Knowledge) -> Iterator[Finding]:
    """Region, zones, residency, Kubernetes version and the names that the policy uses."""
    catalog, region = known.catalog, environment.cloud.region
    unknown_region = list(_named(catalog.region, region, ("cloud", "region")))
    unknown_place = list(_residency(environment.data.residency, catalog))
    yield from unknown_region
    yield from unknown_place
    if not unknown_region:
        yield from _zones(environment, catalog.region(region))
        if not unknown_place:
            yield from _resides(environment.data.residency, region, catalog)
    replicas = environment.model_store.replica_regions
    yield from _all_named(catalog.region, replicas, ("modelStore", "replicaRegions"))
    yield from _all_named(catalog.licence, environment.policy.deny_licences, ("policy", "denyLicences"))
    yield from _kubernetes(environment.cluster, known)


def _residency(places: Sequence[str], catalog: CatalogFacts) -> Iterator[Finding]:
    def lookup(place: str) -> object:
        return catalog.regions_for((place,))

    yield from _all_named(lookup, places, ("data", "residency"))


def _resides(places: Sequence[str], region: str, catalog: CatalogFacts) -> Iterator[Finding]:
    allowed = sorted(item.id for item in catalog.regions_for(places)) if places else [region]
    if region not in allowed:
        yield Finding(
            path=("cloud", "region"),
            involves=(("data", "residency"),),
            message=f"outside data.residency [{', '.join(places)}]",
            accepted=", ".join(allowed) or "no AWS region lies there: another residency",
        )


def _zones(environment: Environment, region: RegionFacts) -> Iterator[Finding]:
    """Zone ids of another region, or more zones than the region has; nothing where its zones are unknown."""
    zones, path, rests = environment.cloud.zones, ("cloud", "zones"), (("cloud", "region"),)
    usable = sorted({*region.zones, *region.control_plane_excluded_zones})
    if not region.zones:
        return
    if environment.network.existing is not None:
        yield from _subnet_zones(environment, environment.network.existing, region)
        return
    if isinstance(zones, int):
        if zones > len(region.zones):
            message = f"{region.id} has {len(region.zones)} zones with GPUs"
            yield Finding(path=path, involves=rests, message=message, accepted=", ".join(region.zones))
        return
    for index, zone in enumerate(zones):
        if zone not in usable:
            message = f"not a zone of {region.id} that the catalog knows"
            yield Finding(path=(*path, index), involves=rests, message=message, accepted=", ".join(usable))


def _subnet_zones(environment: Environment, vpc: ExistingVpc, region: RegionFacts) -> Iterator[Finding]:
    """Subnets in zones of another region, and control-plane subnets where EKS puts none."""
    usable = sorted({*region.zones, *region.control_plane_excluded_zones})
    tiers = {
        "privateSubnets": vpc.private_subnets,
        "controlPlaneSubnets": vpc.control_plane_subnets,
        "publicSubnets": vpc.public_subnets,
    }
    holder = "controlPlaneSubnets" if vpc.control_plane_subnets else "privateSubnets"
    if environment.cluster.existing is not None:
        holder = ""
    for field, subnets in tiers.items():
        for zone in subnets:
            path = ("network", "existing", field, zone)
            if zone not in usable:
                message = f"not a zone of {region.id} that the catalog knows"
                yield Finding(path=path, message=message, accepted=", ".join(usable))
            elif field == holder and zone in region.control_plane_excluded_zones:
                message = "EKS cannot place its control plane there"
                yield Finding(path=path, message=message, accepted="controlPlaneSubnets in other zones")


def _kubernetes(cluster: Cluster, known: Knowledge) -> Iterator[Finding]:
    version, path = cluster.version, ("cluster", "version")
    supported = [v.version for v in known.catalog.eks_versions() if v.support(known.today) != "ended"]
    unknown = list(_named(known.catalog.eks_version, version, path))
    if unknown:
        yield Finding(path=path, message="not a Kubernetes version of EKS", accepted=", ".join(supported))
        return
    facts = known.catalog.eks_version(version)
    if facts.support(known.today) == "ended":
        message = f"EKS ended all support of it on {facts.end_of_extended_support}"
        yield Finding(path=path, message=message, accepted=", ".join(supported))
    elif facts.support(known.today) == "extended" and not (cluster.extended_support or cluster.existing):
        message = (
            f"standard support of {version} ended on {facts.end_of_standard_support}: "
            f"extended support, to {facts.end_of_extended_support}, costs more an hour"
        )
        involves = (("cluster", "extendedSupport"),)
        accepted = "a later version, or extendedSupport: true as well"
        yield Finding(path=path, involves=involves, message=message, accepted=accepted)


def check_placement(workload: Workload, environment: Environment, known: Knowledge) -> Iterator[Finding]:
    """A workload against the environment it stands in: its residency and zones against the region."""
    catalog, region = known.catalog, environment.cloud.region
    yield from _warm_nodes(workload, environment)
    yield from _starts_from_nothing(workload, environment)
    places = workload.data.residency
    if list(_named(catalog.region, region, ())) or list(_residency(places, catalog)):
        return  # reported by itself
    if places and region not in {item.id for item in catalog.regions_for(places)}:
        message = f"the environment {environment.name} is in {region}, outside [{', '.join(places)}]"
        yield Finding(
            path=("data", "residency"), message=message, accepted="a residency that covers the region"
        )
    zones = catalog.region(region).zones
    for index, zone in enumerate(workload.capacity.zones if zones else ()):
        if zone not in zones:
            message = f"not a zone of {region} with GPUs"
            yield Finding(path=("capacity", "zones", index), message=message, accepted=", ".join(zones))


def _warm_nodes(workload: Workload, environment: Environment) -> Iterator[Finding]:
    if workload.capacity.warm_nodes and environment.cluster.gpu_nodes == "karpenter":
        message = f"Karpenter keeps no warm pool, and it starts the GPU nodes of {environment.name}"
        accepted = "cluster.gpuNodes: managed, or a higher replicas.min"
        yield Finding(path=("capacity", "warmNodes"), message=message, accepted=accepted)


def check_scaling(workload: Workload, environment: Environment) -> Iterator[Finding]:
    """What an autoscaler needs of its environment: metrics to scale on, a gateway to be woken by."""
    asked, least = workload.capacity.autoscaling, workload.capacity.replicas.min
    blind = environment.monitoring.stack == "none"
    if asked in {"keda", "hpa"} and blind:
        message = (
            f"the environment {environment.name} has monitoring.stack none, and {asked} scales on metrics"
        )
        yield Finding(
            path=("capacity", "autoscaling"),
            message=message,
            accepted="none, or monitoring.stack: prometheus",
        )
    if least == 0 and (blind or environment.gateway is None):
        lacking = "monitoring" if blind else "a gateway"
        message = (
            f"a sleeping workload is woken by the gateway's metrics; {environment.name} has not {lacking}"
        )
        yield Finding(path=("capacity", "replicas", "min"), message=message, accepted="1 or more")


def _starts_from_nothing(workload: Workload, environment: Environment) -> Iterator[Finding]:
    """With DRA the autoscaler learns a node's GPUs from its group's nodes: of an empty one it knows none."""
    if environment.cluster.gpu_devices == "device-plugin":
        return
    capacity = workload.capacity
    empty = {
        ("replicas", "min"): capacity.replicas.min == 0,
        ("secondChoicePool",): capacity.second_choice_pool,
        ("purchase",): "capacity-block" in capacity.purchase,
    }
    for path, applies in empty.items():
        if applies:
            message = f"{environment.name} uses DRA, with which no GPU node starts in an empty group"
            yield Finding(
                path=("capacity", *path), message=message, accepted="cluster.gpuDevices: device-plugin"
            )
