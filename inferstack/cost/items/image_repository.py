"""ECR repositories: the images they keep."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.cost.item import Item, Line, Pricing
from inferstack.resources import Resource
from inferstack.view import View


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    del view
    gb = pricing.assumptions.image_repository_gb
    yield pricing.service("ecr-storage-gb-month", resource, gb, assumption=f"{gb} GB of compressed layers")


ITEM = Item(
    id="image-repository",
    title="ECR repository",
    service="ECR",
    types=("aws:ecr/repository:Repository",),
    lines=lines,
)
