"""Where weights come from: the bucket, and what stands between it and the GPUs."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from inferstack.spec.base import Section
from inferstack.spec.identifiers import BucketName, RegionId
from inferstack.spec.quantities import conflict


class ModelStore(Section):
    """The bucket with the weights."""

    bucket: BucketName | None = None
    """Name of the bucket to create; absent: a derived one."""
    existing_bucket: BucketName | None = None
    """Use this bucket instead of creating one."""
    replica_regions: tuple[RegionId, ...] = ()
    """Regions the weights are copied to."""

    file_system: Literal["none", "fsx-lustre"] = "none"
    """Where pods read weights: `none` is the bucket itself, streamed; `fsx-lustre` a file system over it."""
    compile_cache: Literal["pod", "node"] = "pod"
    """Where compiled kernels are kept: in the pod, or on the node, whose next pod then starts faster."""

    @model_validator(mode="after")
    def _one_bucket(self) -> Self:
        if self.bucket is not None and self.existing_bucket is not None:
            raise conflict("two buckets are named", "existingBucket", "bucket", accepted="one of them")
        return self
