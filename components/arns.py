"""Amazon resource names and endpoints that follow from plain facts, so that they are known at preview."""

from __future__ import annotations


def partition(region: str) -> str:
    """``aws``, ``aws-cn`` or ``aws-us-gov``."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def managed_policy(region: str, name: str) -> str:
    """An AWS managed policy; ``name`` may carry a path (``service-role/...``)."""
    return f"arn:{partition(region)}:iam::aws:policy/{name}"


def cluster_access_policy(region: str, name: str) -> str:
    return f"arn:{partition(region)}:eks::aws:cluster-access-policy/{name}"


def bucket(region: str, name: str) -> str:
    return f"arn:{partition(region)}:s3:::{name}"


def cluster(region: str, account: str, name: str) -> str:
    return f"arn:{partition(region)}:eks:{region}:{account}:cluster/{name}"


def log_groups(region: str, account: str) -> str:
    """All log groups of the account in the region."""
    return f"arn:{partition(region)}:logs:{region}:{account}:log-group:*"


def log_group(region: str, account: str, name: str) -> str:
    return f"arn:{partition(region)}:logs:{region}:{account}:log-group:{name}"


def log_deliveries(region: str, account: str) -> str:
    """Log deliveries of the account in the region: the source of what a flow log's bucket receives."""
    return f"arn:{partition(region)}:logs:{region}:{account}:*"


def metric_workspaces(region: str, account: str) -> str:
    """All Amazon Managed Prometheus workspaces of the account in the region."""
    return f"arn:{partition(region)}:aps:{region}:{account}:workspace/*"


def keys(region: str, account: str) -> str:
    """All KMS keys of the account in the region."""
    return f"arn:{partition(region)}:kms:{region}:{account}:key/*"


def account_root(region: str, account: str) -> str:
    return f"arn:{partition(region)}:iam::{account}:root"


def endpoint_service(region: str, service: str) -> str:
    """Name of a VPC endpoint service."""
    prefix = "cn.com.amazonaws" if region.startswith("cn-") else "com.amazonaws"
    return f"{prefix}.{region}.{service}"


def topic(region: str, account: str, name: str) -> str:
    return f"arn:{partition(region)}:sns:{region}:{account}:{name}"


def queue(region: str, account: str, name: str) -> str:
    return f"arn:{partition(region)}:sqs:{region}:{account}:{name}"


def ec2(region: str, account: str, kind: str) -> str:
    """All EC2 resources of a kind in the account and region; images and snapshots have no account."""
    return f"arn:{partition(region)}:ec2:{region}:{account}:{kind}/*"


def instance_profile(region: str, account: str, name: str) -> str:
    return f"arn:{partition(region)}:iam::{account}:instance-profile/{name}"


def role(region: str, account: str, name: str) -> str:
    return f"arn:{partition(region)}:iam::{account}:role/{name}"


def public_parameters(region: str) -> str:
    """Parameters AWS publishes, such as the ids of its images."""
    return f"arn:{partition(region)}:ssm:{region}::parameter/aws/service/*"


def event_rule(region: str, account: str, name: str) -> str:
    return f"arn:{partition(region)}:events:{region}:{account}:rule/{name}"
