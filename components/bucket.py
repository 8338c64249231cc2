"""Guards every bucket gets: no public access, no ACLs, KMS by default, TLS only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components import arns

if TYPE_CHECKING:
    from components.base import Component


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket with its plain name; ``foreign`` ones are outside the provider's region."""

    resource: aws.s3.Bucket
    name: str
    region: str
    foreign: bool = False

    @property
    def arn(self) -> str:
        return arns.bucket(self.region, self.name)

    @property
    def explicit_region(self) -> str | None:
        return self.region if self.foreign else None


def secure(
    parent: Component, name: str, bucket: Bucket, key_arn: pulumi.Input[str]
) -> tuple[pulumi.Resource, ...]:
    """The guards; weights are written only when they exist."""
    region, target = bucket.explicit_region, bucket.resource.id
    block = aws.s3.BucketPublicAccessBlock(
        name,
        bucket=target,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        region=region,
        opts=parent.child(),
    )
    ownership = aws.s3.BucketOwnershipControls(
        name,
        bucket=target,
        rule={"object_ownership": "BucketOwnerEnforced"},
        region=region,
        opts=parent.child(),
    )
    default = {"sse_algorithm": "aws:kms", "kms_master_key_id": key_arn}
    encryption = aws.s3.BucketServerSideEncryptionConfiguration(
        name,
        bucket=target,
        rules=[{"apply_server_side_encryption_by_default": default, "bucket_key_enabled": True}],
        region=region,
        opts=parent.child(),
    )
    policy = aws.s3.BucketPolicy(
        name, bucket=target, policy=tls_only(bucket), region=region, opts=parent.child(depends_on=[block])
    )
    return (block, ownership, encryption, policy, versioned(parent, name, bucket))


def versioned(parent: Component, name: str, bucket: Bucket) -> aws.s3.BucketVersioning:
    return aws.s3.BucketVersioning(
        name,
        bucket=bucket.resource.id,
        versioning_configuration={"status": "Enabled"},
        region=bucket.explicit_region,
        opts=parent.child(),
    )


def tls_only(bucket: Bucket) -> str:
    """Refuses requests that do not come over TLS."""
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket.arn, f"{bucket.arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
