"""Guards every bucket gets: no public access, no ACLs, KMS by default, TLS only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi

from components import arns
from components.wire import WireResource, s3

if TYPE_CHECKING:
    from components.base import Component


PRIVATE: Final = {
    "blockPublicAcls": True,
    "blockPublicPolicy": True,
    "ignorePublicAcls": True,
    "restrictPublicBuckets": True,
}
INCOMPLETE_DAYS: Final = 7
OLD_VERSION_DAYS: Final = 30
VERSIONED: Final = {"versioningConfiguration": {"status": "Enabled"}}


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket with its plain name; ``foreign`` ones are outside the provider's region."""

    resource: WireResource
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
    parent: Component,
    name: str,
    bucket: Bucket,
    key_arn: pulumi.Input[str],
    *,
    statements: Sequence[Mapping[str, Any]] = (),
) -> tuple[pulumi.Resource, ...]:
    """The guards, on which every writer waits; ``statements`` join the bucket's policy."""
    options = parent.child()
    block = _part("PublicAccessBlock", name, bucket, PRIVATE, options)
    ownership = {"rule": {"objectOwnership": "BucketOwnerEnforced"}}
    default = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key_arn}
    encryption = {"rules": [{"applyServerSideEncryptionByDefault": default, "bucketKeyEnabled": True}]}
    policy = {"policy": bucket_policy(bucket, statements)}
    return (
        block,
        _part("OwnershipControls", name, bucket, ownership, options),
        _part("ServerSideEncryptionConfiguration", name, bucket, encryption, options),
        _part("Policy", name, bucket, policy, parent.child(depends_on=[block])),
        _part("Versioning", name, bucket, VERSIONED, options),
    )


def tidy(parent: Component, name: str, bucket: Bucket, guards: Sequence[pulumi.Resource]) -> None:
    """Ends what nobody reads: uploads that broke off, versions that were replaced."""
    rule = {
        "id": "tidy",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": INCOMPLETE_DAYS},
        "noncurrentVersionExpiration": {"noncurrentDays": OLD_VERSION_DAYS},
    }
    _part("LifecycleConfiguration", name, bucket, {"rules": [rule]}, parent.child(depends_on=guards))


def _part(
    kind: str, name: str, bucket: Bucket, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions
) -> WireResource:
    place = {"bucket": bucket.resource.id, "region": bucket.explicit_region}
    return s3(f"Bucket{kind}", name, {**place, **inputs}, opts)


def bucket_policy(bucket: Bucket, statements: Sequence[Mapping[str, Any]] = ()) -> str:
    """Refuses requests that do not come over TLS, and says what ``statements`` say."""
    tls_only = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket.arn, f"{bucket.arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [tls_only, *statements]})


def log_delivery(bucket: Bucket, account: str) -> tuple[Mapping[str, Any], ...]:
    """Lets the log delivery service write what this account's VPCs send."""
    here = {
        "StringEquals": {"aws:SourceAccount": account},
        "ArnLike": {"aws:SourceArn": arns.log_deliveries(bucket.region, account)},
    }
    service = {"Service": "delivery.logs.amazonaws.com"}
    allow = {"Effect": "Allow", "Principal": service, "Condition": here}
    return (
        {
            "Sid": "Deliver",
            "Action": "s3:PutObject",
            "Resource": f"{bucket.arn}/AWSLogs/{account}/*",
            **allow,
        },
        {"Sid": "Look", "Action": ["s3:GetBucketAcl", "s3:ListBucket"], "Resource": bucket.arn, **allow},
    )
