"""Prometheus itself accepts every rule and every query of the example environments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.example_graphs import EXAMPLES, graph
from tests.promtool.tool import Promtool
from tests.queries.collect import queries
from tests.queries.lint import Query
from tests.queries.promql import GRAFANA

pytestmark = pytest.mark.promtool


def written(folder: Path, groups: list[dict[str, Any]]) -> Path:
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": groups}, sort_keys=False))
    return path


def as_recordings(found: list[Query]) -> list[dict[str, Any]]:
    """A query that only a dashboard or a scaler asks, as a rule that promtool can read."""
    rules = [
        {"record": f"asked:{index}:query", "expr": GRAFANA.sub("5m", query.expr)}
        for index, query in enumerate(found)
    ]
    return [{"name": "asked", "rules": rules}]


@pytest.mark.parametrize("name", EXAMPLES)
def test_rules_are_accepted(promtool: Promtool, name: str, tmp_path: Path) -> None:
    specs = [item.inputs["spec"] for item in graph(name) if item.type.endswith(":PrometheusRule")]
    assert specs
    for spec in specs:
        done = promtool.check(written(tmp_path, yaml.safe_load(yaml.safe_dump(spec))["groups"]))
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", EXAMPLES)
def test_queries_are_accepted(promtool: Promtool, name: str, tmp_path: Path) -> None:
    asked = [query for query in queries(graph(name)) if query.kind in {"panel", "variable", "scaler"}]
    assert len(asked) > 40
    done = promtool.check(written(tmp_path, as_recordings(asked)))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("expr", ["sum(up", "rate(up)", "up{a=b}", "histogram_quantile(0.9)"])
def test_what_is_wrong_is_refused(promtool: Promtool, expr: str, tmp_path: Path) -> None:
    done = promtool.check(written(tmp_path, [{"name": "g", "rules": [{"record": "a:b", "expr": expr}]}]))
    assert done.returncode != 0
