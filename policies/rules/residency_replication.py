"""INF-RES-004: buckets replicate only to buckets in allowed regions."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.about import required_environment
from inferstack.policy.buckets import BUCKET_TYPES, effective_region, named_buckets
from inferstack.policy.over import over
from inferstack.policy.places import allowed, outside
from inferstack.policy.types import (
    Context,
    EnvironmentRule,
    Severity,
    Verdict,
    fail,
    not_applicable,
)
from inferstack.resources import Resource
from inferstack.view import Undecided, View

TYPES = (
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
    "aws:s3/bucketReplicationConfiguration:BucketReplicationConfiguration",
)


def targets(resource: Resource, context: Context) -> Iterator[Resource]:
    """Buckets of this stack that a replication writes to; Undecided for a bucket from elsewhere."""
    named = named_buckets(context.resources)
    for number, rule in enumerate(View(resource.inputs).views("rules")):
        destination = rule.view("destination")
        try:
            name = destination.required_text("bucket").rpartition(":::")[2]
        except Undecided:
            urns = resource.property_dependencies.get("rules", ())
            buckets = [bucket for bucket in context.resources.of_type(*BUCKET_TYPES) if bucket.urn in urns]
            if not buckets:
                raise
            yield from buckets
            continue
        if name not in named:
            raise Undecided(f"rules[{number}] replicates to bucket {name}, whose region is not established")
        yield named[name]


def check(context: Context) -> Iterator[Verdict]:
    configurations = context.resources.of_type(*TYPES)
    if not configurations:
        yield not_applicable("no bucket is replicated")

    def judge(resource: Resource) -> Iterator[Verdict]:
        residency = required_environment(context, resource).residency
        for bucket in targets(resource, context):
            region = effective_region(bucket, context.resources)
            if not allowed(region, residency, context.knowledge):
                yield fail(f"replicates to bucket {bucket.name}: {outside(region, residency)}")

    yield from over(configurations, judge)


RULE = EnvironmentRule(
    id="INF-RES-004",
    title="Bucket replication stays in allowed regions",
    severity=Severity.CRITICAL,
    rationale="Replication copies every object, later ones included, without anyone asking again.",
    remediation=(
        "Remove the replica, or put it into a region inside data.residency (modelStore.replicaRegions)."
    ),
    url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html",
    tags=("data", "region", "s3"),
    frameworks=("GDPR Art. 44",),
    check=check,
)
