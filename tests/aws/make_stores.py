"""ECR and FSx: where images and weights are kept between their publishers and the GPUs."""

from __future__ import annotations

from tests.aws.cloud import Cloud, Inputs, Made, makes, maybe
from tests.aws.make_ec2 import spent
from tests.aws.shapes import pascal


@makes("aws:ecr/repository:Repository")
def repository(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full = inputs.pop("name")
    inputs.pop("forceDelete")  # a matter of the provider alone
    (encryption,) = inputs.pop("encryptionConfigurations")
    made = cloud.client("ecr").create_repository(
        repositoryName=full,
        imageTagMutability=inputs.pop("imageTagMutability"),
        imageScanningConfiguration=inputs.pop("imageScanningConfiguration"),
        encryptionConfiguration=encryption,
    )["repository"]
    return spent(inputs, full, arn=made["repositoryArn"])


@makes("aws:ecr/lifecyclePolicy:LifecyclePolicy")
def lifecycle(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full, policy = inputs.pop("repository"), inputs.pop("policy")
    cloud.client("ecr").put_lifecycle_policy(repositoryName=full, lifecyclePolicyText=policy)
    return spent(inputs, full)


@makes("aws:ecr/pullThroughCacheRule:PullThroughCacheRule")
def pull_through(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    prefix = inputs["ecrRepositoryPrefix"]
    maybe(cloud.client("ecr").create_pull_through_cache_rule, **inputs)
    return prefix, {}


@makes("aws:fsx/lustreFileSystem:LustreFileSystem")
def lustre(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    inputs.pop("skipFinalBackup")  # of its deletion
    lustre_own = (
        "deploymentType",
        "perUnitStorageThroughput",
        "dataCompressionType",
        "automaticBackupRetentionDays",
    )
    settings = pascal({key: inputs.pop(key) for key in lustre_own})
    subnet = inputs.pop("subnetIds")
    made = maybe(
        cloud.client("fsx").create_file_system,
        FileSystemType="LUSTRE",
        SubnetIds=[subnet],
        LustreConfiguration=settings,
        **pascal(inputs),
    )["FileSystem"]
    identity = made["FileSystemId"]
    domain = f"{identity}.fsx.{cloud.region}.amazonaws.com"
    return identity, {"arn": made.get("ResourceARN", ""), "dnsName": domain, "mountName": "abcdef12"}


@makes("aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation")
def association(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    maybe(cloud.client("fsx").create_data_repository_association, **pascal(inputs, {"s3": "S3"}))
    return f"dra-{name}", {}


@makes("aws:secretsmanager/secretVersion:SecretVersion")
def secret_version(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    arn, text = inputs.pop("secretId"), inputs.pop("secretString")
    # between engine and provider a secret is marked, not hidden
    value = text["value"] if isinstance(text, dict) else text
    made = cloud.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=value)
    return spent(inputs, made["VersionId"])
