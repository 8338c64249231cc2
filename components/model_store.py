"""Where weights live: an S3 bucket in the region, filled once per checkpoint, streamed by the pods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components import arns, iam, kube, naming
from components.base import Component
from components.bucket import Bucket, secure, tidy
from components.facts import ModelStoreFacts
from components.loader import NAMESPACE, SERVICE_ACCOUNT, Checkpoint, LoaderSettings, loader_objects
from components.replication import ReplicationArgs, replicate
from components.wire import s3


@dataclass(frozen=True, kw_only=True)
class ModelStoreArgs:
    environment: str
    place: iam.Place
    existing: bool
    """The bucket is there already and is only used."""
    replica_regions: tuple[str, ...]
    key_arn: pulumi.Input[str]
    checkpoints: tuple[Checkpoint, ...]
    loader: LoaderSettings
    hugging_face_token: pulumi.Input[str] | None
    protect: bool

    @property
    def bucket(self) -> str:
        return self.loader.bucket

    @property
    def bucket_arn(self) -> str:
        return arns.bucket(self.place.region, self.bucket)

    def facts(self) -> ModelStoreFacts:
        return ModelStoreFacts(
            environment=self.environment,
            region=self.place.region,
            bucket=self.bucket,
            created=not self.existing,
            replica_regions=self.replica_regions,
            checkpoints=tuple(f"{item.repository}@{item.revision or 'main'}" for item in self.checkpoints),
        )


class ModelStore(Component):
    """The weights bucket and, per checkpoint and revision, the job that fills it.

    ``jobs`` maps a weights prefix to its job: a service that waits for it never starts without weights.
    """

    def __init__(self, name: str, args: ModelStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ModelStore", name, args.facts(), opts)
        self.args = args
        guards = () if args.existing else self._bucket()
        self.jobs = self._jobs(guards)
        self.register_outputs({"bucket": args.bucket})

    def read_statements(self, prefix: str) -> tuple[iam.Statement, ...]:
        """What a pod needs to stream the objects under a prefix, and nothing else."""
        bucket = self.args.bucket_arn
        listed = {"StringLike": {"s3:prefix": f"{prefix}/*"}}
        return (
            iam.Statement(actions=("s3:GetObject",), resources=(f"{bucket}/{prefix}/*",)),
            iam.Statement(actions=("s3:ListBucket",), resources=(bucket,), condition=listed),
            self._key_use("kms:Decrypt"),
        )

    def _bucket(self) -> tuple[pulumi.Resource, ...]:
        args = self.args
        # weights outlive a mistaken destroy
        options = self.child(protect=args.protect, retain_on_delete=args.protect)
        resource = s3("Bucket", self.name, {"bucket": args.bucket}, options)
        bucket = Bucket(resource=resource, name=args.bucket, region=args.place.region)
        guards = secure(self, self.name, bucket, args.key_arn)
        tidy(self, self.name, bucket, guards)
        if args.replica_regions:
            replication = ReplicationArgs(
                environment=args.environment,
                place=args.place,
                regions=args.replica_regions,
                source=bucket,
                source_key_arn=args.key_arn,
                depends_on=guards,
                protect=args.protect,
            )
            replicate(self, replication)
        return guards

    def _jobs(self, guards: Sequence[pulumi.Resource]) -> dict[str, kube.KubernetesObject]:
        args = self.args
        if not args.checkpoints:
            return {}
        name = naming.logical(self.name, "loader")
        role = iam.pod_role(self, name, args.place, statements=self._write_statements())
        account = iam.ServiceAccount(namespace=NAMESPACE, name=SERVICE_ACCOUNT)
        identity = iam.pod_identity(self, name, args.place, account, role)
        return loader_objects(
            self,
            args.loader,
            args.checkpoints,
            token=args.hugging_face_token,
            depends_on=(*guards, identity),
        )

    def _write_statements(self) -> tuple[iam.Statement, ...]:
        bucket = self.args.bucket_arn
        objects = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
        return (
            iam.Statement(actions=objects, resources=(f"{bucket}/models/*",)),
            iam.Statement(actions=("s3:ListBucket",), resources=(bucket,)),
            self._key_use("kms:Decrypt", "kms:GenerateDataKey"),
        )

    def _key_use(self, *actions: str) -> iam.Statement:
        place = self.args.place
        return iam.key_through_bucket(
            region=place.region,
            account=place.account,
            bucket_arn=self.args.bucket_arn,
            actions=actions,
            key_arn=self.args.key_arn,
        )
