"""Copies of the weights in other regions: a bucket and key there, one replication rule each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from components import iam, naming
from components.bucket import Bucket, secure, tidy
from components.encryption import key_policy
from components.wire import s3

if TYPE_CHECKING:
    from components.base import Component


@dataclass(frozen=True, kw_only=True)
class ReplicationArgs:
    environment: str
    place: iam.Place
    regions: tuple[str, ...]
    source: Bucket
    source_key_arn: pulumi.Input[str]
    depends_on: Sequence[pulumi.Resource]
    protect: bool


@dataclass(frozen=True, kw_only=True)
class Replica:
    bucket: Bucket
    key_arn: pulumi.Output[str]
    guards: tuple[pulumi.Resource, ...]


def replicate(parent: Component, args: ReplicationArgs) -> None:
    """Replicates new objects of the source to a bucket in each region; S3 takes one configuration in all."""
    replicas = [_replica(parent, args, region) for region in args.regions]
    role = _role(parent, args, replicas)
    guards = [guard for replica in replicas for guard in replica.guards]
    inputs = {
        "bucket": args.source.resource.id,
        "role": role.arn,
        "rules": [_rule(position, replica) for position, replica in enumerate(replicas)],
    }
    options = parent.child(depends_on=[*args.depends_on, *guards])
    s3("BucketReplicationConfig", parent.name, inputs, options)


def _replica(parent: Component, args: ReplicationArgs, region: str) -> Replica:
    name = naming.logical(parent.name, region)
    key = aws.kms.Key(
        name,
        description=f"inferstack {args.environment}: weights in {region}",
        enable_key_rotation=True,
        deletion_window_in_days=30,
        policy=key_policy(args.place.account, region),
        region=region,
        opts=parent.child(protect=args.protect),
    )
    physical = naming.bucket_name(args.environment, args.place.account, region)
    options = parent.child(protect=args.protect, retain_on_delete=args.protect)
    resource = s3("Bucket", name, {"bucket": physical, "region": region}, options)
    bucket = Bucket(resource=resource, name=physical, region=region, foreign=True)
    guards = secure(parent, name, bucket, key.arn)
    tidy(parent, name, bucket, guards)
    return Replica(bucket=bucket, key_arn=key.arn, guards=guards)


def _role(parent: Component, args: ReplicationArgs, replicas: Sequence[Replica]) -> aws.iam.Role:
    name = naming.logical(parent.name, "replication")
    role, _ = iam.service_role(parent, name, "s3.amazonaws.com", (), args.place)
    read = ("s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging")
    write = ("s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags")
    statements = [
        iam.Statement(
            actions=("s3:GetReplicationConfiguration", "s3:ListBucket"), resources=(args.source.arn,)
        ),
        iam.Statement(actions=read, resources=(f"{args.source.arn}/*",)),
        _key_use(args, args.source, args.source_key_arn, "kms:Decrypt"),
        iam.Statement(actions=write, resources=tuple(f"{item.bucket.arn}/*" for item in replicas)),
        *(_key_use(args, item.bucket, item.key_arn, "kms:Encrypt") for item in replicas),
    ]
    aws.iam.RolePolicy(name, role=role.name, policy=iam.policy_document(statements), opts=parent.child())
    return role


def _key_use(args: ReplicationArgs, bucket: Bucket, key_arn: pulumi.Input[str], action: str) -> iam.Statement:
    return iam.key_through_bucket(
        region=bucket.region,
        account=args.place.account,
        bucket_arn=bucket.arn,
        actions=(action,),
        key_arn=key_arn,
    )


def _rule(priority: int, replica: Replica) -> dict[str, Any]:
    return {
        "id": replica.bucket.region,
        "priority": priority,
        "status": "Enabled",
        "filter": {"prefix": "models/"},
        "deleteMarkerReplication": {"status": "Disabled"},
        "sourceSelectionCriteria": {"sseKmsEncryptedObjects": {"status": "Enabled"}},
        "destination": {
            "bucket": replica.bucket.arn,
            "storageClass": "STANDARD",
            "encryptionConfiguration": {"replicaKmsKeyId": replica.key_arn},
        },
    }
