"""What Karpenter's controller may do: start and stop instances that carry this cluster's tags, and read.

Narrower than its documented policy (website, reference/cloudformation, read 2026-11-24): nothing of IAM but
passing the one node role, because its instance profile is made for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from components import arns
from components.iam import Statement

if TYPE_CHECKING:
    from components.iam import Place

LAUNCH: Final = ("ec2:RunInstances", "ec2:CreateFleet")
USED: Final = ("security-group", "subnet", "capacity-reservation", "placement-group")
PUBLIC: Final = ("image", "snapshot")
"""Of AWS: their ARNs name no account."""
MADE: Final = (
    "fleet",
    "instance",
    "volume",
    "network-interface",
    "launch-template",
    "spot-instances-request",
)
READ: Final = (
    "ec2:DescribeCapacityReservations",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribePlacementGroups",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSpotPriceHistory",
    "ec2:DescribeSubnets",
)
ANY_POOL: Final = "karpenter.sh/nodepool"


def controller_statements(place: Place, node_role: str, queue: str) -> tuple[Statement, ...]:
    return (*_launching(place), *_own_instances(place), *_reading(place, queue), _passing(node_role))


def _kinds(place: Place, *kinds: str, account: str | None = None) -> tuple[str, ...]:
    owner = place.account if account is None else account
    return tuple(arns.ec2(place.region, owner, kind) for kind in kinds)


def _launching(place: Place) -> tuple[Statement, ...]:
    owned = {f"aws:RequestTag/kubernetes.io/cluster/{place.cluster}": "owned"}
    request = {**owned, "aws:RequestTag/eks:eks-cluster-name": place.cluster}
    pooled = {f"aws:RequestTag/{ANY_POOL}": "*"}
    creating = {"ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"]}
    made = _kinds(place, *MADE)
    return (
        Statement(actions=LAUNCH, resources=(*_kinds(place, *PUBLIC, account=""), *_kinds(place, *USED))),
        Statement(actions=LAUNCH, resources=_kinds(place, "launch-template"), condition=_tagged(place)),
        Statement(
            actions=(*LAUNCH, "ec2:CreateLaunchTemplate"),
            resources=made,
            condition={"StringEquals": request, "StringLike": pooled},
        ),
        Statement(
            actions=("ec2:CreateTags",),
            resources=made,
            condition={"StringEquals": {**request, **creating}, "StringLike": pooled},
        ),
    )


def _own_instances(place: Place) -> tuple[Statement, ...]:
    """Only what it started: its tags cannot be put on anything else."""
    names = {"aws:TagKeys": ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"]}
    return (
        Statement(
            actions=("ec2:CreateTags",),
            resources=_kinds(place, "instance"),
            condition={
                **_tagged(place),
                "StringEqualsIfExists": {"aws:RequestTag/eks:eks-cluster-name": place.cluster},
                "ForAllValues:StringEquals": names,
            },
        ),
        Statement(
            actions=("ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"),
            resources=_kinds(place, "instance", "launch-template"),
            condition=_tagged(place),
        ),
    )


def _tagged(place: Place) -> dict[str, dict[str, str | list[str]]]:
    return {
        "StringEquals": {f"aws:ResourceTag/kubernetes.io/cluster/{place.cluster}": "owned"},
        "StringLike": {f"aws:ResourceTag/{ANY_POOL}": "*"},
    }


def _reading(place: Place, queue: str) -> tuple[Statement, ...]:
    here: dict[str, dict[str, str | list[str]]] = {"StringEquals": {"aws:RequestedRegion": place.region}}
    messages = ("sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage")
    return (
        Statement(actions=READ, resources=("*",), condition=here),
        Statement(actions=("ssm:GetParameter",), resources=(arns.public_parameters(place.region),)),
        # the price list is one for all regions, and knows no resources
        Statement(actions=("pricing:GetProducts",), resources=("*",)),
        Statement(actions=messages, resources=(arns.queue(place.region, place.account, queue),)),
        Statement(actions=("eks:DescribeCluster",), resources=(place.cluster_arn,)),
        Statement(
            actions=("iam:GetInstanceProfile",),
            resources=(arns.instance_profile(place.region, place.account, "*"),),
        ),
    )


def _passing(node_role: str) -> Statement:
    services = ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]
    return Statement(
        actions=("iam:PassRole",),
        resources=(node_role,),
        condition={"StringEquals": {"iam:PassedToService": services}},
    )
