"""Amazon Managed Prometheus workspaces: samples written."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.cost.item import Item, Line, Pricing
from inferstack.resources import Resource
from inferstack.view import View


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    del view
    million = pricing.assumptions.amp_million_samples
    yield pricing.service(
        "amp-samples-10m", resource, million / 10, assumption=f"{million} million samples a month"
    )


ITEM = Item(
    id="managed-prometheus",
    title="Managed Prometheus",
    service="AMP",
    types=("aws:amp/workspace:Workspace",),
    lines=lines,
)
