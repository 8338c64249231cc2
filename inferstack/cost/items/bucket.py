"""S3 buckets: the weights of the served models, in the store and in each of its replicas."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from inferstack.cost.item import Item, Line, Pricing, known, missing
from inferstack.errors import InputError
from inferstack.facts import WorkloadFacts
from inferstack.resources import Resource
from inferstack.sizing.weight_formats import weight_format
from inferstack.view import View

SIXTEEN_BIT: Final = Decimal(2)
"""Bytes of a parameter where the format or the model is not known: no released checkpoint is larger."""


def bytes_per_parameter(facts: WorkloadFacts, pricing: Pricing) -> Decimal:
    """Stored bytes with scales. A size on disk for the bill; whether it fits a GPU is sizing's question."""
    try:
        architecture = pricing.catalog.model(facts.model).architecture
        if architecture is None:
            return SIXTEEN_BIT
        return Decimal(str(weight_format(facts.view.text("quantization"), architecture).bytes_per_element))
    except InputError:
        return SIXTEEN_BIT


def weights_gb(facts: WorkloadFacts, pricing: Pricing) -> Decimal | None:
    """GB of one checkpoint; None when its size is not stated."""
    parameters_b = known(lambda: facts.view.number("paramsB"))
    return None if parameters_b is None else parameters_b * bytes_per_parameter(facts, pricing)


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    del view
    if pricing.component(resource, "ModelStore") is None:
        gb = pricing.assumptions.bucket_gb
        yield pricing.service("s3-standard-gb-month", resource, gb, assumption=f"{gb} GB stored")
        return
    checkpoints = {
        facts.view.text("checkpoint") or facts.model: weights_gb(facts, pricing)
        for facts in pricing.workloads
    }
    if any(size is None for size in checkpoints.values()):
        yield missing("Weights", "their size is not stated")
        return
    total = sum((size for size in checkpoints.values() if size is not None), start=Decimal(0))
    yield pricing.service(
        "s3-standard-gb-month",
        resource,
        total,
        label=f"Weights of {len(checkpoints)} checkpoint{'s' if len(checkpoints) != 1 else ''}",
        assumption="parameters times bytes of the format; old versions are not counted",
    )


ITEM = Item(
    id="bucket",
    title="S3 bucket",
    service="S3",
    types=("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"),
    lines=lines,
)
