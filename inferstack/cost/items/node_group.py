"""Nodes of managed node groups: instance hours by purchase model, and the root volumes of their template."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost.item import Item, Line, Pricing, known, missing
from inferstack.cost.volumes import gp3_lines
from inferstack.errors import InputError
from inferstack.resources import Resource
from inferstack.units import HOURS_PER_MONTH
from inferstack.view import Undecided, View

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
PURCHASE_OF_CAPACITY = {"ON_DEMAND": "on-demand", "SPOT": "spot", "CAPACITY_BLOCK": "capacity-block"}
UNPRICED = {
    "savings-plan-1y": "commitment not in the price list; the hours are bought at your plan's rate",
    "savings-plan-3y": "commitment not in the price list; the hours are bought at your plan's rate",
    "reserved": "commitment not in the price list; the hours are bought at your reservation's rate",
    "capacity-block": "paid in advance, per offering",
}


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    pool = pricing.component(resource, "GpuPool")
    count = known(lambda: node_count(view, pool))
    yield instance_line(view, resource, pricing, pool, count)
    warm, running = _warm_pool(view)
    if warm and running:
        line = instance_line(view, resource, pricing, pool, warm)
        yield dataclasses.replace(line, label=f"{line.label}, started and waiting")
    count = None if count is None else count + warm
    template = _template(resource, pricing)
    if template is None:
        yield missing("Root volumes", "the launch template is not in the stack")
        return
    try:
        for mapping in View(template.inputs).views("blockDeviceMappings"):
            if mapping.has("ebs"):
                yield from gp3_lines(mapping.view("ebs"), resource, pricing, count, what="Root volume")
    except Undecided as undecided:
        yield missing("Root volumes", undecided.reason)


def _warm_pool(view: View) -> tuple[Decimal, bool]:
    """Instances that wait beside the group, and whether they run; stopped ones cost their volumes alone."""
    if not view.has("warmPoolConfig"):
        return Decimal(0), False
    pool = view.view("warmPoolConfig")
    return pool.number("minSize") or Decimal(0), pool.text("poolState") == "Running"


def node_count(view: View, pool: View | None) -> Decimal | None:
    """The plan's nodes for a GPU pool (a capacity block starts at 0); else the desired size."""
    planned = pool.number("nodes") if pool else None
    return planned if planned is not None else view.view("scalingConfig").number("desiredSize")


def instance_type(view: View, pool: View | None) -> str:
    """The pool's type; of several listed the first, which is what the group starts when it can."""
    if pool is not None and pool.text("instanceType"):
        return pool.required_text("instanceType")
    listed = view.texts("instanceTypes")
    if not listed:
        raise Undecided("the instance type is not stated")
    return listed[0]


def instance_line(
    view: View, resource: Resource, pricing: Pricing, pool: View | None, count: Decimal | None
) -> Line:
    """Instance hours of all nodes at the price of how they are bought."""
    try:
        kind = instance_type(view, pool)
        purchase = (pool.text("purchase") if pool else None) or PURCHASE_OF_CAPACITY.get(
            view.text("capacityType") or "ON_DEMAND", "unknown"
        )
    except Undecided as undecided:
        return missing("Instances", undecided.reason)
    others = len(view.texts("instanceTypes")) - 1
    label = f"{kind}, {purchase}" + (f" (first of {others + 1} types)" if others > 0 else "")
    hours = None if count is None else count * HOURS_PER_MONTH
    if purchase in UNPRICED:
        return missing(label, UNPRICED[purchase])
    region = pricing.region(resource)
    if region is None:
        return missing(label, "region not known")
    try:
        price = pricing.catalog.price(kind, region)
    except InputError:
        price = None
    if price is None:
        return missing(label, f"no price in {region}")
    spot = purchase == "spot"
    amount = price.spot_median if spot else price.on_demand
    return Line(
        label=label,
        quantity=hours,
        unit="instance-hour",
        unit_price=amount,
        source=price.on_demand_source,
        date=price.date,
        assumption=f"spot price of one moment, {price.date}: it moves" if spot else None,
    )


def _template(resource: Resource, pricing: Pricing) -> Resource | None:
    """The launch template of the stack that a node group refers to."""
    urns = (*resource.property_dependencies.get("launchTemplate", ()), *resource.dependencies)
    found = (pricing.resources.by_urn.get(urn) for urn in urns)
    return next((other for other in found if other is not None and other.type == TEMPLATE), None)


ITEM = Item(
    id="node-group",
    title="Nodes",
    service="EC2",
    types=("aws:eks/nodeGroup:NodeGroup",),
    lines=lines,
)
