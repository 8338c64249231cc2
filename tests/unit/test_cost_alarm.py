"""CloudWatch alarms."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, amounts, resource


def test_an_alarm_costs_ten_cents() -> None:
    assert amounts(resource("aws:cloudwatch/metricAlarm:MetricAlarm", parent=ENVIRONMENT)) == ["0.10"]
