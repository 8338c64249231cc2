"""S3 buckets of a stack: by name, where they are, and which other resources configure them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from inferstack.resources import Resource, ResourceIndex
from inferstack.view import Undecided, View

BUCKET_TYPES: Final = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")


def named_buckets(resources: ResourceIndex) -> Mapping[str, Resource]:
    """Buckets whose name is known before deployment."""
    return {
        name: bucket
        for bucket in resources.of_type(*BUCKET_TYPES)
        if isinstance(name := bucket.inputs.get("bucket"), str)
    }


def effective_region(resource: Resource, resources: ResourceIndex) -> str:
    """A resource's own region, else its provider's; Undecided when neither is known."""
    own = View(resource.inputs).text("region")
    if own:
        return own
    provider = resources.provider(resource)
    if provider is None:
        raise Undecided(f"{resource.name} has no explicit provider, so its region is not established")
    return View(provider.inputs, f"provider {provider.name}").required_text("region")


def configuring(bucket: Resource, resources: ResourceIndex, *types: str) -> Iterator[Resource]:
    """Resources of the given types whose ``bucket`` is this one, by reference or by name."""
    name = bucket.inputs.get("bucket")
    for candidate in resources.of_type(*types):
        target = candidate.inputs.get("bucket")
        linked = bucket.urn in candidate.property_dependencies.get("bucket", ())
        if linked or (isinstance(name, str) and target == name):
            yield candidate
