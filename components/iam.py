"""IAM roles: who may assume them and the least they need, as small typed values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components import arns, naming

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.base import Component


@dataclass(frozen=True, kw_only=True)
class Place:
    """The account, region and cluster that names and trust are bound to."""

    account: str
    region: str
    cluster: str
    permissions_boundary: str | None = None
    """Managed policy that no role made here may exceed."""

    @property
    def cluster_arn(self) -> str:
        return arns.cluster(self.region, self.account, self.cluster)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One Allow of a policy document; ``resources`` may hold outputs."""

    actions: tuple[str, ...]
    resources: tuple[pulumi.Input[str], ...]
    condition: Mapping[str, Mapping[str, str | list[str]]] | None = None

    def document(self) -> dict[str, object]:
        body: dict[str, object] = {
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources),
        }
        return body | ({"Condition": self.condition} if self.condition else {})


def key_through_bucket(
    *, region: str, account: str, bucket_arn: str, actions: tuple[str, ...], key_arn: pulumi.Input[str]
) -> Statement:
    """Use of the key that encrypts a bucket: only through S3, only for that bucket's objects.

    A key made in the same stack is not named by its ARN, which is known after deployment only: the whole
    document would be unknown at preview, and no reviewer or rule could read it.
    """
    known = key_arn if isinstance(key_arn, str) else arns.keys(region, account)
    return Statement(
        actions=actions,
        resources=(known,),
        condition={
            "StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"},
            "StringLike": {"kms:EncryptionContext:aws:s3:arn": f"{bucket_arn}*"},
        },
    )


def policy_document(statements: Sequence[Statement]) -> pulumi.Output[str]:
    return pulumi.Output.json_dumps(
        {"Version": "2012-10-17", "Statement": [statement.document() for statement in statements]}
    )


def service_trust(service: str) -> str:
    """Trust of an AWS service."""
    principal = {"Service": service}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def pod_identity_trust(place: Place) -> str:
    """Trust of EKS Pod Identity, for pods of this cluster only."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringEquals": {"aws:SourceAccount": place.account},
            "ArnEquals": {"aws:SourceArn": place.cluster_arn},
        },
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def service_role(
    parent: Component, name: str, service: str, managed: Sequence[str], place: Place
) -> tuple[aws.iam.Role, tuple[pulumi.Resource, ...]]:
    """A role for an AWS service and the attachments that must exist before it is used."""
    role = _role(parent, name, service_trust(service), place)
    return role, _attach(parent, name, role, managed, place.region)


def _role(parent: Component, name: str, trust: str, place: Place) -> aws.iam.Role:
    return aws.iam.Role(
        name,
        assume_role_policy=trust,
        permissions_boundary=place.permissions_boundary,
        opts=parent.child(),
    )


def _attach(
    parent: Component, name: str, role: aws.iam.Role, managed: Sequence[str], region: str
) -> tuple[pulumi.Resource, ...]:
    return tuple(
        aws.iam.RolePolicyAttachment(
            naming.logical(name, policy.rpartition("/")[2].lower()),
            role=role.name,
            policy_arn=arns.managed_policy(region, policy),
            opts=parent.child(),
        )
        for policy in managed
    )


def pod_role(
    parent: Component,
    name: str,
    place: Place,
    *,
    statements: Sequence[Statement] = (),
    document: str | None = None,
    managed: Sequence[str] = (),
) -> aws.iam.Role:
    """A role for pods: an inline policy from ``statements`` or a ready ``document``, and managed policies."""
    role = _role(parent, name, pod_identity_trust(place), place)
    if statements or document:
        aws.iam.RolePolicy(
            name, role=role.name, policy=document or policy_document(statements), opts=parent.child()
        )
    _attach(parent, name, role, managed, place.region)
    return role


@dataclass(frozen=True, kw_only=True)
class ServiceAccount:
    """Where pods that use a role run."""

    namespace: str
    name: str


def pod_identity(
    parent: Component, name: str, place: Place, account: ServiceAccount, role: aws.iam.Role
) -> aws.eks.PodIdentityAssociation:
    """Gives pods of a service account the role."""
    return aws.eks.PodIdentityAssociation(
        name,
        cluster_name=place.cluster,
        namespace=account.namespace,
        service_account=account.name,
        role_arn=role.arn,
        opts=parent.child(),
    )
