"""Every query of every example environment uses what the pinned versions export."""

from __future__ import annotations

import pytest

from components.metrics import load_metrics
from components.pins import load_pins
from tests.example_graphs import EXAMPLES, graph
from tests.queries.collect import queries
from tests.queries.lint import lint

METRICS = load_metrics(load_pins().image("vllm").version)


@pytest.mark.parametrize("name", EXAMPLES)
def test_names_and_labels_are_exported(name: str) -> None:
    found = list(queries(graph(name)))
    assert {"alert", "panel", "variable"} <= {query.kind for query in found}
    assert lint(found, METRICS) == []
