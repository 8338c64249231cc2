"""EKS control plane: standard or extended support, as the version's dates say."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost.item import Item, Line, Pricing, missing
from inferstack.resources import Resource
from inferstack.view import Undecided, View


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    try:
        version = view.text("version")
        tier = view.view("controlPlaneScalingConfig").text("tier")
    except Undecided as undecided:
        yield missing("Control plane", undecided.reason)
        return
    found = next((known for known in pricing.catalog.eks_versions() if known.version == version), None)
    if found is None:
        yield missing("Control plane", f"support dates of Kubernetes {version} not known")
        return
    support = found.support(pricing.today)
    price = "eks-cluster-hour" if support == "standard" else "eks-cluster-extended-hour"
    label = (
        f"Control plane, Kubernetes {version}, {'standard' if support == 'standard' else 'extended'} support"
    )
    yield pricing.per_hour(price, resource, Decimal(1), label=label)
    if tier not in (None, "standard"):
        yield missing("Provisioned control plane", f"no price for tier {tier}")


ITEM = Item(
    id="eks-control-plane",
    title="EKS control plane",
    service="EKS",
    types=("aws:eks/cluster:Cluster",),
    lines=lines,
)
