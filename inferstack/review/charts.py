"""Helm releases in the report: the one part of an environment that is not shown object by object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inferstack.engine.manifests import HELM_RELEASE, UNKNOWN_TEXT

if TYPE_CHECKING:
    from inferstack.engine.graph import Graph


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartView:
    release: str
    chart: str
    version: str
    namespace: str
    settings: int
    """How many values it is given at the top level."""


def charts(graph: Graph) -> Iterator[ChartView]:
    """Every release, by name."""
    for resource in sorted(graph.of_type(HELM_RELEASE), key=lambda one: one.urn):
        inputs = resource.inputs
        values = inputs.get("values")
        yield ChartView(
            release=_text(inputs.get("name")),
            chart=_text(inputs.get("chart")),
            version=_text(inputs.get("version")),
            namespace=_text(inputs.get("namespace")),
            settings=len(values) if isinstance(values, dict) else 0,
        )


def _text(value: object) -> str:
    return value if isinstance(value, str) else UNKNOWN_TEXT
