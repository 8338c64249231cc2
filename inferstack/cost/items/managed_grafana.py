"""Amazon Managed Grafana: people who edit, a month."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.cost.item import Item, Line, Pricing
from inferstack.resources import Resource
from inferstack.view import View


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    del view
    editors = pricing.assumptions.grafana_editors
    yield pricing.service("amg-editor-month", resource, editors, assumption=f"{editors} editors a month")


ITEM = Item(
    id="managed-grafana",
    title="Managed Grafana",
    service="AMG",
    types=("aws:grafana/workspace:Workspace",),
    lines=lines,
)
