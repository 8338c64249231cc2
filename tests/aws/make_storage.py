"""S3: buckets and their guards."""

from __future__ import annotations

from tests.aws.cloud import Cloud, Inputs, Made, makes
from tests.aws.make_ec2 import spent
from tests.aws.shapes import pascal


@makes("aws:s3/bucket:Bucket")
def bucket(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full = inputs.pop("bucket")
    inputs.pop("forceDestroy", None)  # a matter of the provider alone
    place = {"CreateBucketConfiguration": {"LocationConstraint": cloud.region}}
    cloud.client("s3").create_bucket(Bucket=full, **({} if cloud.region == "us-east-1" else place))
    return spent(inputs, full, arn=f"arn:aws:s3:::{full}")


@makes("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
def public_access(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full = inputs.pop("bucket")
    cloud.client("s3").put_public_access_block(Bucket=full, PublicAccessBlockConfiguration=pascal(inputs))
    return full, {}


@makes("aws:s3/bucketOwnershipControls:BucketOwnershipControls")
def ownership(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full, rule = inputs.pop("bucket"), pascal(inputs.pop("rule"))
    cloud.client("s3").put_bucket_ownership_controls(Bucket=full, OwnershipControls={"Rules": [rule]})
    return spent(inputs, full)


@makes("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
def encryption(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full = inputs.pop("bucket")
    rules = pascal(inputs.pop("rules"), {"sseAlgorithm": "SSEAlgorithm", "kmsMasterKeyId": "KMSMasterKeyID"})
    cloud.client("s3").put_bucket_encryption(Bucket=full, ServerSideEncryptionConfiguration={"Rules": rules})
    return spent(inputs, full)


@makes("aws:s3/bucketPolicy:BucketPolicy")
def policy(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full = inputs.pop("bucket")
    cloud.client("s3").put_bucket_policy(Bucket=full, Policy=inputs.pop("policy"))
    return spent(inputs, full)


@makes("aws:s3/bucketVersioning:BucketVersioning")
def versioning(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full = inputs.pop("bucket")
    settings = pascal(inputs.pop("versioningConfiguration"))
    cloud.client("s3").put_bucket_versioning(Bucket=full, VersioningConfiguration=settings)
    return spent(inputs, full)


@makes("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
def lifecycle(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full = inputs.pop("bucket")
    rules = pascal(inputs.pop("rules"), {"id": "ID"})
    cloud.client("s3").put_bucket_lifecycle_configuration(
        Bucket=full, LifecycleConfiguration={"Rules": rules}
    )
    return spent(inputs, full)


@makes("aws:s3/bucketReplicationConfig:BucketReplicationConfig")
def replication(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full = inputs.pop("bucket")
    configuration = pascal(inputs, {"id": "ID", "replicaKmsKeyId": "ReplicaKmsKeyID"})
    cloud.client("s3").put_bucket_replication(Bucket=full, ReplicationConfiguration=configuration)
    return full, {}
