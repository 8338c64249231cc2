"""VPC flow logs in the region, encrypted, with an end: to CloudWatch or to a bucket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from components import arns, bucket, iam, naming
from components.wire import WireResource, ec2, log_group, s3

if TYPE_CHECKING:
    from components.base import Component


@dataclass(frozen=True, kw_only=True)
class FlowLogArgs:
    vpc_id: pulumi.Input[str]
    place: iam.Place
    bucket: str | None
    """Name of the bucket to create; absent: CloudWatch."""
    key_arn: pulumi.Input[str]
    retention_days: int
    retain: bool
    """Keep the bucket and what is in it when the VPC goes."""

    @property
    def common(self) -> dict[str, Any]:
        """Accepted and rejected flows of the whole VPC, aggregated over ten minutes."""
        return {"vpcId": self.vpc_id, "trafficType": "ALL", "maxAggregationInterval": 600}


def record_flows(parent: Component, args: FlowLogArgs) -> WireResource:
    return _to_bucket(parent, args, args.bucket) if args.bucket else _to_cloudwatch(parent, args)


def _to_cloudwatch(parent: Component, args: FlowLogArgs) -> WireResource:
    name, region = naming.logical(parent.name, "flow-logs"), args.place.region
    # a fixed name: the role's document is then known at preview
    physical = f"/inferstack/{name}"
    settings = {"name": physical, "retentionInDays": args.retention_days, "kmsKeyId": args.key_arn}
    group = log_group(name, settings, parent.child())
    role, _ = iam.service_role(parent, name, "vpc-flow-logs.amazonaws.com", (), args.place)
    actions = ("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams")
    arn = arns.log_group(region, args.place.account, physical)
    write = iam.Statement(actions=actions, resources=(arn, f"{arn}:*"))
    policy = aws.iam.RolePolicy(
        name, role=role.name, policy=iam.policy_document([write]), opts=parent.child()
    )
    inputs = {
        **args.common,
        "logDestinationType": "cloud-watch-logs",
        "logDestination": group.output("arn"),
        "iamRoleArn": role.arn,
    }
    return ec2("FlowLog", name, inputs, parent.child(depends_on=[policy]))


def _to_bucket(parent: Component, args: FlowLogArgs, physical: str) -> WireResource:
    """The delivery service writes by the bucket's policy: no role is needed."""
    name = naming.logical(parent.name, "flow-logs")
    # logs that keep coming would else hold up a destroy
    inputs: dict[str, Any] = {"bucket": physical, "forceDestroy": None if args.retain else True}
    resource = s3("Bucket", name, inputs, parent.child(retain_on_delete=args.retain))
    made = bucket.Bucket(resource=resource, name=physical, region=args.place.region)
    guards = bucket.secure(
        parent, name, made, args.key_arn, statements=bucket.log_delivery(made, args.place.account)
    )
    expire = {
        "id": "expire",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "expiration": {"days": args.retention_days},
        "noncurrentVersionExpiration": {"noncurrentDays": 1},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 1},
    }
    rules = {"bucket": resource.id, "rules": [expire]}
    s3("BucketLifecycleConfiguration", name, rules, parent.child(depends_on=guards))
    inputs = {
        **args.common,
        "logDestinationType": "s3",
        "logDestination": made.arn,
        "destinationOptions": {"fileFormat": "parquet", "perHourPartition": True},
    }
    return ec2("FlowLog", name, inputs, parent.child(depends_on=guards))
