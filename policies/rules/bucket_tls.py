"""INF-SEC-004: every bucket refuses requests without TLS."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.buckets import BUCKET_TYPES, configuring
from inferstack.policy.over import over
from inferstack.policy.statements import denies_plain_http, statements
from inferstack.policy.types import Context, EnvironmentRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource
from inferstack.view import View

POLICIES = ("aws:s3/bucketPolicy:BucketPolicy",)


def check(context: Context) -> Iterator[Verdict]:
    buckets = context.resources.of_type(*BUCKET_TYPES)
    if not buckets:
        yield not_applicable("no bucket in the stack")

    def judge(bucket: Resource) -> Iterator[Verdict]:
        policies = [View(found.inputs) for found in configuring(bucket, context.resources, *POLICIES)]
        if not any(denies_plain_http(one) for policy in policies for one in statements(policy, "policy")):
            yield fail("no bucket policy refuses requests without TLS (aws:SecureTransport)")

    yield from over(buckets, judge)


RULE = EnvironmentRule(
    id="INF-SEC-004",
    title="Buckets accept TLS only",
    severity=Severity.MEDIUM,
    rationale=(
        "S3 still answers plain HTTP; a client with a wrong setting would send weights and samples in "
        "the clear."
    ),
    remediation="Add a bucket policy that denies s3:* when aws:SecureTransport is false.",
    url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
    tags=("s3", "tls"),
    frameworks=("CIS AWS 2.1.1",),
    check=check,
)
