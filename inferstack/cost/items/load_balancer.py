"""Load balancers, made by the stack or by the controller for an Ingress or a Service."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from inferstack.cost import traffic
from inferstack.cost.item import Item, Line, Pricing, known, missing
from inferstack.resources import Resource
from inferstack.units import HOURS_PER_MONTH
from inferstack.view import Undecided, View

INGRESS: Final = "kubernetes:networking.k8s.io/v1:Ingress"
SERVICE: Final = "kubernetes:core/v1:Service"
SCHEME: Final = "alb.ingress.kubernetes.io/scheme"
NLB_SCHEME: Final = "service.beta.kubernetes.io/aws-load-balancer-scheme"
CONNECTIONS_PER_UNIT: Final = Decimal(25)
NLB_CONNECTIONS_PER_UNIT: Final = Decimal(800)
GB_PER_UNIT_HOUR: Final = Decimal(1)
"""A capacity unit: new connections a second or GB an hour, whichever is more (ELB pricing, 2026-09-20)."""


def family(view: View, resource: Resource) -> str:
    """``alb`` or ``nlb``; Undecided when it cannot be told."""
    if resource.type == INGRESS:
        return "alb"
    if resource.type == SERVICE:
        return "nlb"
    kind = view.text("loadBalancerType") or "application"
    if kind not in ("application", "network"):
        raise Undecided(f"no price for type {kind}")
    return "alb" if kind == "application" else "nlb"


def internet_facing(view: View, resource: Resource) -> bool:
    if resource.type in (INGRESS, SERVICE):
        annotations = view.view("metadata").view("annotations")
        key = SCHEME if resource.type == INGRESS else NLB_SCHEME
        return annotations.text(key) == "internet-facing"
    return view.flag("internal") is not True


def unit_hours(pricing: Pricing, connections_per_unit: Decimal) -> Decimal | None:
    """Capacity units of the month at the workloads' mean traffic; None when one does not state its own."""
    volume = traffic.total(pricing.workloads)
    if volume is None:
        return None
    assumptions = pricing.assumptions
    gb_per_hour = (volume.ingress_gb(assumptions) + volume.egress_gb(assumptions)) / HOURS_PER_MONTH
    connections = volume.requests / assumptions.requests_per_connection / (HOURS_PER_MONTH * 3600)
    units = max(gb_per_hour / GB_PER_UNIT_HOUR, connections / connections_per_unit)
    return units * HOURS_PER_MONTH


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    try:
        kind = family(view, resource)
        public = internet_facing(view, resource)
    except Undecided as undecided:
        yield missing("Load balancer", undecided.reason)
        return
    yield pricing.per_hour(f"{kind}-hour", resource, Decimal(1))
    alb = kind == "alb"
    used = unit_hours(pricing, CONNECTIONS_PER_UNIT if alb else NLB_CONNECTIONS_PER_UNIT)
    yield pricing.service(
        "alb-lcu-hour" if alb else "nlb-nlcu-hour",
        resource,
        used,
        assumption="mean of the workloads' traffic, "
        f"{pricing.assumptions.requests_per_connection} requests a connection",
    )
    if public:
        count = known(lambda: _zones(resource, pricing))
        yield pricing.per_hour("public-ipv4-hour", resource, count, label="Public IPv4 addresses, one a zone")


def _zones(resource: Resource, pricing: Pricing) -> Decimal | None:
    environment = pricing.component(resource, "InferenceEnvironment")
    return Decimal(len(environment.texts("zones"))) if environment else None


def costs(view: View, resource: Resource) -> bool:
    """An Ingress of the ALB class, a Service of type LoadBalancer, or a load balancer itself."""
    try:
        if resource.type == INGRESS:
            return (view.view("spec").text("ingressClassName") or "alb") == "alb"
        if resource.type == SERVICE:
            return view.view("spec").text("type") == "LoadBalancer"
    except Undecided:
        return True
    return True


ITEM = Item(
    id="load-balancer",
    title="Load balancer",
    service="ELB",
    types=("aws:lb/loadBalancer:LoadBalancer", INGRESS, SERVICE),
    lines=lines,
    applies=costs,
)
