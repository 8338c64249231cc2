"""INF-SEC-003: every bucket blocks public access in all four ways."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.buckets import BUCKET_TYPES, configuring
from inferstack.policy.over import over
from inferstack.policy.types import Context, EnvironmentRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource
from inferstack.view import View

BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
FLAGS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def check(context: Context) -> Iterator[Verdict]:
    buckets = context.resources.of_type(*BUCKET_TYPES)
    if not buckets:
        yield not_applicable("no bucket in the stack")

    def judge(bucket: Resource) -> Iterator[Verdict]:
        blocks = tuple(configuring(bucket, context.resources, BLOCK))
        if not blocks:
            yield fail("has no public access block")
        for block in blocks:
            view = View(block.inputs)
            off = [flag for flag in FLAGS if view.flag(flag) is not True]
            if off:
                yield fail(f"its public access block leaves out {', '.join(off)}")

    yield from over(buckets, judge)


RULE = EnvironmentRule(
    id="INF-SEC-003",
    title="Buckets block public access",
    severity=Severity.CRITICAL,
    rationale="Weights, adapters and samples must not become public by one careless bucket policy.",
    remediation="Add a BucketPublicAccessBlock with all four settings on.",
    url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    tags=("s3",),
    frameworks=("CIS AWS 2.1.4", "SOC2 CC6.1"),
    check=check,
)
