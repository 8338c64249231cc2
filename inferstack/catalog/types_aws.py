"""What the catalog knows of AWS: instance types, prices, regions, Kubernetes versions on EKS.

Re-exported by ``inferstack.catalog.types``, which is where to import them from.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal

from pydantic import Field

from inferstack.catalog.fact import Fact


class PriceChange(Fact):
    """An on-demand price and the day a public price list first carried it."""

    date: dt.date
    on_demand: Decimal


class InstanceType(Fact):
    """One EC2 GPU instance type. ``zones`` maps region id to zone ids (``use1-az4``) that sell it."""

    id: str
    family: str
    gpu: str
    """Key into the accelerators."""
    gpu_count: int
    gpu_fraction: float
    """Below 1: a vGPU slice (g6f); such types are never planned for serving."""
    gpu_memory_mib_each: int
    interconnect: str
    nvlink_gb_per_s: float
    vcpus: int
    memory_gib: float
    cpu_arch: str
    bare_metal: bool
    network_gbps: float
    network_cards: int
    max_enis: int
    ipv4_per_eni: int
    efa_max_interfaces: int
    ebs_baseline_mbps: int
    nvme_gb: int
    nvme_disks: int
    usage_classes: tuple[str, ...]
    capacity_block_eligible: bool
    capacity_block_only: bool
    ami_al2023: str | None
    ami_bottlerocket: str | None
    quota_on_demand: str | None
    quota_spot: str | None
    vllm_supported: bool
    exclusion: str | None = None
    """Why a plan never chooses it by itself (g7 needs driver 595, V100 is sm_70, ...)."""
    zones: dict[str, tuple[str, ...]]
    network_peak_gbps: float | None = None
    """Sum over the network cards as the EC2 API states it; above ``network_gbps`` small types burst."""
    ebs_max_mbps: int | None = None
    ebs_baseline_iops: int | None = None
    price_history_us_east_1: tuple[PriceChange, ...] = ()
    note: str | None = None
    from_memory_fields: tuple[str, ...] = ()
    sources: tuple[str, ...]
    checked: dt.date

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions that offer it, sorted; a region can offer it and still have no price."""
        return tuple(sorted(self.zones))


class CpuInstance(Fact):
    """An EC2 type without GPU, for system nodes (controllers, gateway, monitoring)."""

    id: str
    family: str
    vcpus: int
    memory_gib: float
    cpu_arch: str
    sources: tuple[str, ...]
    checked: dt.date


class InstancePrice(Fact):
    """USD per hour; None is "no price", never zero. Spot is a point-in-time value."""

    on_demand: Decimal | None
    spot_min: Decimal | None = None
    spot_median: Decimal | None = None
    zones: tuple[str, ...] = ()
    """Zone ids that the price source lists, whether or not they had a spot price then."""
    local_zones: dict[str, Decimal | None] = Field(default_factory=dict)
    """Local Zone id to its spot price; the on-demand price there is the region's."""
    on_demand_source: str
    date: dt.date


Confidence = Literal["published", "secondary", "judgement"]
"""Read in a price list, pricing page or bill; quoted by others; not read in a source."""


class RegionalPrice(Fact):
    """The price of one metered dimension in one region, with its own source."""

    price: Decimal
    source: str
    date: dt.date
    confidence: Confidence


class ServicePrice(Fact):
    """Price of one metered AWS dimension; ``regions`` overrides ``default`` where a region is known.

    ``default`` holds only for regions in ``default_applies`` (``*``: every commercial region); elsewhere
    the price is "no price".
    """

    id: str
    service: str
    label: str
    unit: str
    default: Decimal
    default_applies: tuple[str, ...]
    regions: dict[str, RegionalPrice] = Field(default_factory=dict)
    source: str
    date: dt.date
    confidence: Confidence

    def quote(self, region: Region) -> RegionalPrice | None:
        """What it costs in ``region`` and by which source; None is "no price"."""
        if region.id in self.regions:
            return self.regions[region.id]
        everywhere = "*" in self.default_applies and region.partition == "aws"
        if everywhere or region.id in self.default_applies:
            return RegionalPrice(
                price=self.default, source=self.source, date=self.date, confidence=self.confidence
            )
        return None


class Region(Fact):
    id: str
    name: str
    country: str
    """ISO 3166 alpha-2."""
    groups: tuple[str, ...]
    """Residency groups it satisfies: EU, EEA, GDPR-adequate, US, CA, ..."""
    zones: tuple[str, ...]
    control_plane_excluded_zones: tuple[str, ...] = ()
    opt_in: bool = False
    partition: Literal["aws", "aws-us-gov", "aws-cn", "aws-eusc"] = "aws"
    sources: tuple[str, ...]
    checked: dt.date


class EksVersion(Fact):
    version: str
    released: dt.date | None
    end_of_standard_support: dt.date
    end_of_extended_support: dt.date
    source: str
    checked: dt.date

    def support(self, day: dt.date) -> Literal["standard", "extended", "ended"]:
        """Which support (and so which control-plane price) the version has on ``day``."""
        if day <= self.end_of_standard_support:
            return "standard"
        return "extended" if day <= self.end_of_extended_support else "ended"
