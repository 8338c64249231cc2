"""From resources to a bill. The offline graph and a real preview read alike: resources with facts."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from inferstack.cost import traffic
from inferstack.cost.bill import Bill, ResourceCost, Unpriced, WorkloadCost, allocate
from inferstack.cost.item import Assumptions, Pricing, known, load_assumptions, missing
from inferstack.cost.items import FREE, ITEMS
from inferstack.facts import ENVIRONMENT_TYPE, environments, workload_of
from inferstack.resources import Resource, ResourceIndex
from inferstack.view import Undecided, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferstack.catalog.load import Catalog
    from inferstack.cost.item import Item, Line

STRUCTURE: Final = ("pulumi:*", "inferstack:*")
"""Stack, providers and components: they hold what costs, and cost nothing themselves."""


def estimate(
    resources: ResourceIndex, catalog: Catalog, *, today: dt.date, assumptions: Assumptions | None = None
) -> Bill:
    """The monthly bill. ``today`` decides which support, and so which price, a cluster version has."""
    pricing = Pricing(
        catalog=catalog, resources=resources, today=today, assumptions=assumptions or load_assumptions()
    )
    priced = tuple(found for resource in resources for found in _priced(resource, pricing))
    covered = {cost.urn for cost in priced}
    rest = [
        resource for resource in resources if resource.urn not in covered and not _is(resource, STRUCTURE)
    ]
    unpriced = Counter(resource.type for resource in rest if not _is_free(resource))
    facts = next(environments(resources), None)
    dates = sorted({line.date for cost in priced for line in cost.lines if line.date is not None})
    return Bill(
        environment=_text(facts.view, "environment") if facts else "",
        region=_text(facts.view, "region") if facts else "",
        resources=tuple(sorted(priced, key=lambda cost: (-cost.monthly, cost.urn, cost.item))),
        workloads=_workloads(priced, pricing),
        free=len(rest) - unpriced.total(),
        not_priced=tuple(Unpriced(type=kind, count=count) for kind, count in sorted(unpriced.items())),
        budget=known(lambda: facts.budget_monthly_usd) if facts else None,
        assumptions=pricing.assumptions,
        price_dates=(dates[0], dates[-1]) if dates else (),
    )


def _priced(resource: Resource, pricing: Pricing) -> tuple[ResourceCost, ...]:
    return tuple(_cost(item, resource, pricing) for item in ITEMS if item.covers(resource))


def _cost(item: Item, resource: Resource, pricing: Pricing) -> ResourceCost:
    return ResourceCost(
        urn=resource.urn,
        type=resource.type,
        name=resource.name,
        item=item.id,
        title=item.title,
        service=item.service,
        component=component_path(resource, pricing.resources),
        workload=workload_of(pricing.resources, resource),
        lines=tuple(_lines(item, resource, pricing)),
    )


def _lines(item: Item, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    """An item's lines; what it needs and nobody knows yet is a gap, after the lines it could price."""
    try:
        yield from item.lines(View(resource.inputs), resource, pricing)
    except Undecided as undecided:
        yield missing(item.title, undecided.reason)


def component_path(resource: Resource, resources: ResourceIndex) -> str:
    """Names of the components around a resource, below the environment: ``cluster`` or ``chat/pool``."""
    above = [resource, *resources.ancestors(resource)]
    names = [
        found.name
        for found in above
        if found.type.startswith("inferstack:") and found.type != ENVIRONMENT_TYPE
    ]
    return "/".join(reversed(names))


def _is(resource: Resource, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(resource.type, pattern) for pattern in patterns)


def _is_free(resource: Resource) -> bool:
    """Free by type, or of a type that costs money only in another shape."""
    return _is(resource, FREE) or any(resource.type in item.types for item in ITEMS)


def _workloads(priced: tuple[ResourceCost, ...], pricing: Pricing) -> tuple[WorkloadCost, ...]:
    """Own cost, share of the rest, tokens and budget of each workload, by name."""
    facts = {name: found for found in pricing.workloads if (name := _text(found.view, "workload"))}
    own = dict.fromkeys(sorted(facts), Decimal("0.00"))
    gaps = dict.fromkeys(own, 0)
    shared, shared_gaps = Decimal("0.00"), 0
    for cost in priced:
        if cost.workload in own:
            own[cost.workload] += cost.monthly
            gaps[cost.workload] += len(cost.gaps)
        else:
            shared += cost.monthly
            shared_gaps += len(cost.gaps)
    shares = allocate(shared, own)
    return tuple(
        WorkloadCost(
            name=name,
            own=own[name],
            shared=shares[name],
            gaps=gaps[name],
            shared_gaps=shared_gaps,
            tokens=volume.tokens if (volume := traffic.volume(facts[name])) else None,
            budget=_budget(facts[name].view),
        )
        for name in own
    )


def _budget(view: View) -> Decimal | None:
    return known(lambda: view.number("budgetMonthlyUsd"))


def _text(view: View, key: str) -> str:
    try:
        return view.text(key) or ""
    except Undecided:
        return ""
