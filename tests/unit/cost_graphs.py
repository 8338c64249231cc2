"""Small graphs and a catalog with fixed round prices: what a bill must come to can be worked out by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from inferstack.catalog.load import load_catalog
from inferstack.catalog.types import EksVersion, InstancePrice, Model, Region, ServicePrice
from inferstack.cost.bill import Bill, ResourceCost
from inferstack.cost.estimate import estimate
from inferstack.cost.item import Line, load_assumptions
from inferstack.errors import InputError
from inferstack.resources import Resource, ResourceIndex

TODAY = dt.date(2026, 11, 20)
PRICED = "eu-central-1"
UNPRICED = "eu-south-2"
"""A region the fixed catalog has no price for."""
STACK = "urn:pulumi:test::inferstack::"


@dataclass(frozen=True)
class FixedCatalog:
    """Prices by id, in one region; everything else about models and versions as the real one."""

    prices: Mapping[str, str]
    instances: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    """Instance type to on-demand and spot price."""

    def service_price(self, name: str, region: str) -> tuple[Decimal | None, ServicePrice]:
        if name not in self.prices:
            raise InputError(f"no service price {name!r}")
        record = ServicePrice(
            id=name,
            service="x",
            label=f"label of {name}",
            unit="unit",
            default=Decimal(self.prices[name]),
            default_applies=(PRICED,),
            source="a price list",
            date=dt.date(2026, 7, 20),
            confidence="published",
        )
        return (Decimal(self.prices[name]) if region == PRICED else None), record

    def price(self, instance: str, region: str) -> InstancePrice | None:
        if instance not in self.instances:
            raise InputError(f"no instance {instance!r}")
        if region != PRICED:
            return None
        on_demand, spot = self.instances[instance]
        return InstancePrice(
            on_demand=Decimal(on_demand) if on_demand else None,
            spot_median=Decimal(spot) if spot else None,
            on_demand_source="a price list",
            date=dt.date(2026, 7, 1),
        )

    def model(self, name: str) -> Model:
        return load_catalog().model(name)

    def regions(self) -> tuple[Region, ...]:
        return load_catalog().regions()

    def eks_versions(self) -> tuple[EksVersion, ...]:
        return load_catalog().eks_versions()


CATALOG = FixedCatalog(
    prices={
        "eks-cluster-hour": "0.10",
        "eks-cluster-extended-hour": "0.60",
        "nat-gateway-hour": "0.05",
        "nat-gateway-gb": "0.04",
        "alb-hour": "0.02",
        "alb-lcu-hour": "0.01",
        "nlb-hour": "0.03",
        "nlb-nlcu-hour": "0.005",
        "vpc-endpoint-hour": "0.01",
        "vpc-endpoint-gb": "0.02",
        "public-ipv4-hour": "0.005",
        "ebs-gp3-gb-month": "0.10",
        "ebs-gp3-iops-month": "0.01",
        "ebs-gp3-mbps-month": "0.05",
        "s3-standard-gb-month": "0.02",
        "sqs-requests-1m": "0.40",
        "fsx-lustre-ssd-1000-gb-month": "0.60",
        "ecr-storage-gb-month": "0.10",
        "cloudwatch-logs-ingest-gb": "0.50",
        "cloudwatch-vended-logs-gb": "0.25",
        "cloudwatch-logs-storage-gb-month": "0.03",
        "cloudwatch-alarm-month": "0.10",
        "amp-samples-10m": "0.90",
        "amg-editor-month": "9.00",
        "sns-email-100k": "2.00",
        "xray-traces-1m": "5.00",
        "kms-key-month": "1.00",
        "secrets-manager-secret-month": "0.40",
        "data-cross-az-gb": "0.01",
        "data-egress-internet-gb": "0.09",
        "rds-postgresql-db.t4g.medium-hour": "0.076",
        "rds-gp3-gb-month": "0.137",
        "elasticache-valkey-cache.t4g.small-hour": "0.02",
        "waf-web-acl-month": "5.00",
        "waf-rule-month": "1.00",
        "waf-requests-1m": "0.60",
        "route53-hosted-zone-month": "0.50",
    },
    instances={"g6e.12xlarge": ("10.00", "4.00"), "m7i.xlarge": ("0.20", None), "p5e.48xlarge": (None, None)},
)


def resource(
    kind: str,
    name: str = "it",
    inputs: Mapping[str, Any] | None = None,
    *,
    parent: str | None = None,
    depends: Mapping[str, tuple[str, ...]] | None = None,
    provider: str | None = None,
) -> Resource:
    links = dict(depends or {})
    return Resource(
        urn=f"{STACK}{kind}::{name}",
        type=kind,
        name=name,
        parent=parent,
        custom=not kind.startswith("inferstack:"),
        inputs=dict(inputs or {}),
        provider=provider,
        dependencies=tuple(sorted({urn for urns in links.values() for urn in urns})),
        property_dependencies=links,
    )


def environment(region: str = PRICED, **facts: Any) -> Resource:
    stated = {"environment": "test", "region": region, "zones": ["a", "b", "c"], **facts}
    return resource("inferstack:index:InferenceEnvironment", "test", stated)


ENVIRONMENT = environment().urn


def workload(name: str = "chat", **facts: Any) -> Resource:
    """A workload of 24,000 requests a day (730,000 a month), 1,000 tokens in and 200 out."""
    stated = {
        "workload": name,
        "model": "Qwen/Qwen3-8B",
        "checkpoint": "Qwen/Qwen3-8B",
        "quantization": "bf16",
        "paramsB": "8",
        "requestsPerDay": "24000",
        "inputTokens": "1000",
        "outputTokens": "200",
        "fallback": [],
        **facts,
    }
    return resource("inferstack:index:VllmService", name, stated, parent=ENVIRONMENT)


def bill(
    *resources: Resource, catalog: Any = CATALOG, today: dt.date = TODAY, region: str = PRICED, **facts: Any
) -> Bill:
    """The bill of some resources in an environment."""
    everything = ResourceIndex((environment(region, **facts), *resources))
    return estimate(everything, catalog, today=today, assumptions=load_assumptions())


def cost(*resources: Resource, **settings: Any) -> ResourceCost:
    """The cost of the one resource that has one."""
    (found,) = bill(*resources, **settings).resources
    return found


def lines(*resources: Resource, **settings: Any) -> tuple[Line, ...]:
    return cost(*resources, **settings).lines


def amounts(*resources: Resource, **settings: Any) -> list[str | None]:
    """Monthly amounts of the lines, as text."""
    return [None if line.monthly is None else str(line.monthly) for line in lines(*resources, **settings)]
