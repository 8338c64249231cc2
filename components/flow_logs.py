"""VPC flow logs to CloudWatch, in the region, encrypted, with an end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components import arns, iam, naming
from components.wire import WireResource, ec2, log_group

if TYPE_CHECKING:
    from components.base import Component


@dataclass(frozen=True, kw_only=True)
class FlowLogArgs:
    vpc_id: pulumi.Input[str]
    account: str
    region: str
    key_arn: pulumi.Input[str]
    retention_days: int


def record_flows(parent: Component, args: FlowLogArgs) -> WireResource:
    """Accepted and rejected flows of the whole VPC, aggregated over ten minutes."""
    name = naming.logical(parent.name, "flow-logs")
    # a fixed name: the role's document is then known at preview
    physical = f"/inferstack/{name}"
    settings = {"name": physical, "retentionInDays": args.retention_days, "kmsKeyId": args.key_arn}
    group = log_group(name, settings, parent.child())
    role, _ = iam.service_role(parent, name, "vpc-flow-logs.amazonaws.com", (), args.region)
    actions = ("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams")
    arn = arns.log_group(args.region, args.account, physical)
    write = iam.Statement(actions=actions, resources=(arn, f"{arn}:*"))
    policy = aws.iam.RolePolicy(
        name, role=role.name, policy=iam.policy_document([write]), opts=parent.child()
    )
    inputs = {
        "vpcId": args.vpc_id,
        "trafficType": "ALL",
        "logDestinationType": "cloud-watch-logs",
        "logDestination": group.output("arn"),
        "iamRoleArn": role.arn,
        "maxAggregationInterval": 600,
    }
    return ec2("FlowLog", name, inputs, parent.child(depends_on=[policy]))
