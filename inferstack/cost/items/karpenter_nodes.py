"""Nodes that Karpenter starts: instance hours of the planned nodes, and the volumes of their node class."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.cost.item import Item, Line, Pricing, known, missing
from inferstack.cost.items.node_group import instance_line
from inferstack.cost.items.persistent_volume import quantity_gib
from inferstack.cost.volumes import gp3_lines
from inferstack.resources import Resource
from inferstack.view import Undecided, View

CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    pool = pricing.component(resource, "GpuPool")
    if pool is None:
        yield missing("Instances", "a node pool of nobody's plan: how many nodes it starts is not known")
        return
    count = known(lambda: pool.number("nodes"))
    yield instance_line(view, resource, pricing, pool, count)
    node_class = _class(resource, pricing)
    if node_class is None:
        yield missing("Root volumes", "the node class is not in the stack")
        return
    try:
        for mapping in View(node_class.inputs).view("spec").views("blockDeviceMappings"):
            ebs = _sized(mapping.view("ebs"))
            yield from gp3_lines(ebs, resource, pricing, count, what="Root volume")
    except Undecided as undecided:
        yield missing("Root volumes", undecided.reason)


def _sized(ebs: View) -> View:
    """Karpenter writes sizes as Kubernetes does (``60Gi``)."""
    size = quantity_gib(ebs.text("volumeSize") or "")
    values = {key: ebs.get(key) for key in ebs.names() if key != "volumeSize"}
    return View(values if size is None else {**values, "volumeSize": size}, ebs.path)


def _class(resource: Resource, pricing: Pricing) -> Resource | None:
    found = (pricing.resources.by_urn.get(urn) for urn in resource.dependencies)
    return next((other for other in found if other is not None and other.type == CLASS), None)


ITEM = Item(
    id="karpenter-nodes",
    title="Nodes",
    service="EC2",
    types=("kubernetes:karpenter.sh/v1:NodePool",),
    lines=lines,
)
