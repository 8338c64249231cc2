"""CloudWatch log groups: what is written and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost.item import Item, Line, Pricing
from inferstack.resources import Resource
from inferstack.view import View

FLOW_LOG = "aws:ec2/flowLog:FlowLog"
CLUSTER = "aws:eks/cluster:Cluster"


def written(resource: Resource, pricing: Pricing) -> tuple[str, Decimal, str]:
    """Price id, GB a month and what writes: whoever depends on the group."""
    writers = {other.type for other in pricing.resources.dependants(resource.urn)}
    if FLOW_LOG in writers:
        return "cloudwatch-vended-logs-gb", pricing.assumptions.flow_log_gb, "VPC flow logs"
    if CLUSTER in writers:
        return "cloudwatch-logs-ingest-gb", pricing.assumptions.control_plane_log_gb, "control-plane logs"
    return "cloudwatch-logs-ingest-gb", pricing.assumptions.other_log_gb, "logs"


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    del view
    price, gb, what = written(resource, pricing)
    assumption = f"{gb} GB of {what} a month"
    yield pricing.service(price, resource, gb, assumption=assumption)
    kept = gb * pricing.assumptions.log_retention_months
    yield pricing.service("cloudwatch-logs-storage-gb-month", resource, kept, assumption=assumption)


ITEM = Item(
    id="log-group",
    title="Log group",
    service="CloudWatch",
    types=("aws:cloudwatch/logGroup:LogGroup",),
    lines=lines,
)
