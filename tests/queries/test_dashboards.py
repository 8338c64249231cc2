"""Every dashboard is one that Grafana's schema accepts, and the check finds what it would not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from components.dashboards import dashboard, dashboards
from tests.example_graphs import EXAMPLES, graph
from tests.queries.grafana_schema import problems


@pytest.mark.parametrize("name", EXAMPLES)
def test_deployed_dashboards_fit_the_schema(name: str) -> None:
    boards = [
        json.loads(str(text))
        for item in graph(name)
        if item.type.endswith(":ConfigMap")
        and "grafana_dashboard" in item.inputs["metadata"].get("labels", {})
        for text in item.inputs["data"].values()
    ]
    routed = bool(list(graph(name).of_type("inferstack:index:InferenceRouter")))
    assert len(boards) == len(dashboards(gateway=True, routed=routed))
    assert {board["uid"]: problems(board) for board in boards} == {board["uid"]: [] for board in boards}
    assert len({board["uid"] for board in boards}) == len(boards)


def board() -> dict[str, Any]:
    return copy.deepcopy(dict(dashboard("cost")))


BREAK: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a field it does not know": (lambda b: b.update(refreshh="30s"), ".refreshh is not in the schema"),
    "a panel's field": (
        lambda b: b["panels"][0]["gridPos"].update(width=12),
        "gridPos.width is not in the schema",
    ),
    "an option of another panel type": (
        lambda b: b["panels"][2]["options"].update(tooltip={}),
        "options.tooltip is not in the schema",
    ),
    "text for a number": (lambda b: b.update(schemaVersion="39"), ".schema_version is '39'"),
    "a number for text": (lambda b: b.update(title=7), ".title is 7"),
    "a choice there is not": (
        lambda b: b["panels"][0]["options"]["tooltip"].update(mode="all"),
        "'all'",
    ),
    "a query's field": (lambda b: b["panels"][0]["targets"][0].update(query="up"), "query"),
}


@pytest.mark.parametrize("what", BREAK)
def test_what_grafana_would_not_take_is_found(what: str) -> None:
    change, said = BREAK[what]
    broken = board()
    change(broken)
    found = problems(broken)
    assert any(said in problem for problem in found), found
