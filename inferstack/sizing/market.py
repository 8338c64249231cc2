"""What AWS sells where the plan may run: instance types, zones, purchase models, prices."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, cast

from inferstack.catalog.load import Catalog
from inferstack.catalog.types import Accelerator, InstancePrice, InstanceType
from inferstack.sizing.options import GpuStock
from inferstack.sizing.rules import HOST_RULES, HostCase, judge
from inferstack.sizing.types import Purchase, Rejection

MOST_ZONES: Final = 3
"""A cluster spans at most this many zones."""
_COMMITTED: Final = frozenset({"savings-plan-1y", "savings-plan-3y", "reserved"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketQuery:
    """Where and how GPUs may be bought. Hashable: the market of a query is built once."""

    regions: tuple[str, ...]
    zones: tuple[str, ...] = ()
    """Only these zone ids; empty: any that EKS can use."""
    purchases: tuple[str, ...] = ("on-demand",)
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One instance type in one region under one purchase model."""

    region: str
    zones: tuple[str, ...]
    purchase: Purchase
    usd_per_hour: Decimal | None
    """None: no price known."""

    @property
    def rank(self) -> tuple[bool, Decimal, str, str]:
        """Priced before unpriced, cheap before dear, then by name."""
        return (self.usd_per_hour is None, self.usd_per_hour or Decimal(0), self.region, self.purchase)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Host:
    """An instance type that may be used, and its offers, cheapest first."""

    instance: InstanceType
    gpu: Accelerator
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Market:
    """Usable hosts, and why the others are not; compared by identity."""

    hosts: tuple[Host, ...]
    stocks: tuple[GpuStock, ...]
    """One a GPU model, sorted by its id."""
    rejections: tuple[Rejection, ...]
    unpriced_purchases: tuple[str, ...]
    """Purchase models asked for that no host has a price for."""


@functools.lru_cache(maxsize=256)
def market(catalog: Catalog, query: MarketQuery) -> Market:
    """All hosts of a query, sorted by instance type."""
    hosts: list[Host] = []
    rejections: list[Rejection] = []
    for instance in sorted(catalog.instances(), key=lambda entry: entry.id):
        found = _host(catalog, instance, query)
        if isinstance(found, Host):
            hosts.append(found)
        else:
            rejections.append(found)
    priced = {offer.purchase for host in hosts for offer in host.offers if offer.usd_per_hour is not None}
    unpriced = tuple(purchase for purchase in query.purchases if purchase not in priced)
    return Market(
        hosts=tuple(hosts),
        stocks=_stocks(hosts),
        rejections=tuple(rejections),
        unpriced_purchases=unpriced,
    )


def _stocks(hosts: list[Host]) -> tuple[GpuStock, ...]:
    by_gpu: dict[str, list[Host]] = {}
    for host in hosts:
        by_gpu.setdefault(host.gpu.id, []).append(host)
    return tuple(
        GpuStock(
            group[0].gpu,
            group[0].gpu.id,
            max(host.instance.gpu_count for host in group),
            max((host.instance.gpu_count for host in group if host.instance.efa_max_interfaces), default=0),
            max(
                (host.instance.network_gbps / 8 for host in group if host.instance.efa_max_interfaces),
                default=0,
            ),
        )
        for _, group in sorted(by_gpu.items())
    )


def _host(catalog: Catalog, instance: InstanceType, query: MarketQuery) -> Host | Rejection:
    if instance.id in query.deny:
        return Rejection(code="denied", candidate=instance.id, reason="capacity.denyInstanceTypes names it")
    if query.allow and instance.id not in query.allow:
        return Rejection(code="denied", candidate=instance.id, reason="not in capacity.allowInstanceTypes")
    gpu = catalog.accelerator(instance.gpu)
    verdict = judge(HOST_RULES, HostCase(instance=instance, gpu=gpu, purchases=query.purchases))
    if verdict.refused_by is not None:
        return Rejection(code=verdict.code, candidate=instance.id, reason=verdict.reason)
    offers = [offer for region in query.regions for offer in _offers(catalog, instance, region, query)]
    if not offers:
        return Rejection(code="not-sold", candidate=instance.id, reason=_not_sold(instance, query))
    if all(offer.usd_per_hour is None for offer in offers) and not _asked_unpriced(query):
        return Rejection(
            code="no-price",
            candidate=instance.id,
            reason=f"no {' or '.join(query.purchases)} price in {_places(offer.region for offer in offers)}",
        )
    return Host(instance=instance, gpu=gpu, offers=tuple(sorted(offers, key=lambda offer: offer.rank)))


def _offers(catalog: Catalog, instance: InstanceType, region: str, query: MarketQuery) -> list[Offer]:
    zones = usable_zones(catalog, region, instance, query.zones)
    if not zones:
        return []
    price = _published(catalog, instance.id, region)
    return [
        Offer(region=region, zones=zones, purchase=purchase, usd_per_hour=_price(price, purchase))
        for purchase in cast("tuple[Purchase, ...]", query.purchases)
        if _sold_as(instance, purchase)
    ]


@functools.lru_cache(maxsize=8192)
def _published(catalog: Catalog, instance_id: str, region: str) -> InstancePrice | None:
    return catalog.price(instance_id, region)


def usable_zones(
    catalog: Catalog, region: str, instance: InstanceType, only: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Zone ids of a region that sell the type and that an EKS cluster can span, sorted."""
    excluded = catalog.region(region).control_plane_excluded_zones
    return tuple(
        sorted(
            zone
            for zone in instance.zones.get(region, ())
            if zone not in excluded and (not only or zone in only)
        )
    )


def _sold_as(instance: InstanceType, purchase: str) -> bool:
    if purchase == "capacity-block":
        return instance.capacity_block_eligible
    if instance.capacity_block_only:
        return False
    return purchase != "spot" or "spot" in instance.usage_classes


def _price(price: InstancePrice | None, purchase: str) -> Decimal | None:
    """Published price of a purchase model; a capacity reservation is billed as On-Demand.

    Savings plans, reserved instances and capacity blocks have no published price here: None, never a guess.
    """
    if price is None:
        return None
    if purchase in {"on-demand", "capacity-reservation"}:
        return price.on_demand
    return price.spot_median if purchase == "spot" else None


def _asked_unpriced(query: MarketQuery) -> bool:
    """True when nothing the spec allows has a price anyway, so "no price" is what was asked for."""
    return all(purchase in _COMMITTED or purchase == "capacity-block" for purchase in query.purchases)


def _not_sold(instance: InstanceType, query: MarketQuery) -> str:
    where = _places(query.regions)
    if any(region in instance.zones for region in query.regions):
        how = "in the allowed zones" if query.zones else f"as {' or '.join(query.purchases)}"
        return f"not sold {how} of {where}" if query.zones else f"not sold {how} in {where}"
    return f"not sold in {where}"


def _places(regions: Iterable[str]) -> str:
    names = sorted(set(regions))
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} allowed regions"
