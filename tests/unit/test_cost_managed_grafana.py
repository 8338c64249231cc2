"""Amazon Managed Grafana: people who edit, a month."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, lines, resource


def test_editors_by_hand() -> None:
    # 3 x $9.00
    found = lines(resource("aws:grafana/workspace:Workspace", parent=ENVIRONMENT))
    assert [str(line.monthly) for line in found] == ["27.00"]
    assert found[0].usage_based
