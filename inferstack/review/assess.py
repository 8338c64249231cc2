"""From a graph to the one answer: priced and judged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING

from inferstack.cost.estimate import estimate
from inferstack.policy.knowledge import CatalogKnowledge
from inferstack.policy.run import evaluate
from inferstack.review.verdict import Assessment

if TYPE_CHECKING:
    from inferstack.catalog.load import Catalog
    from inferstack.engine.graph import Graph
    from inferstack.policy.types import Rule


def assess(graph: Graph, rules: Iterable[Rule], *, catalog: Catalog, today: dt.date) -> Assessment:
    """The verdict on a graph by these rules and the budgets it states."""
    return Assessment(
        graph=graph,
        bill=estimate(graph, catalog, today=today),
        policy=evaluate(graph, rules, knowledge=CatalogKnowledge(catalog), today=today),
    )
