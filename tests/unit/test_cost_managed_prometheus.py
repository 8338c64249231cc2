"""Amazon Managed Prometheus workspaces: samples written."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, lines, resource


def test_samples_by_hand() -> None:
    # 1,750 M samples, 175 times 10 M x $0.90
    found = lines(resource("aws:amp/workspace:Workspace", parent=ENVIRONMENT))
    assert [str(line.monthly) for line in found] == ["157.50"]
    assert found[0].usage_based
