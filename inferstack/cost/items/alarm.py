"""CloudWatch alarms."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost.item import Item, Line, Pricing
from inferstack.resources import Resource
from inferstack.view import View


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    del view
    yield pricing.service("cloudwatch-alarm-month", resource, Decimal(1))


ITEM = Item(
    id="alarm",
    title="Alarm",
    service="CloudWatch",
    types=("aws:cloudwatch/metricAlarm:MetricAlarm",),
    lines=lines,
)
