"""The control plane: made here with its role, logs and access entries, or one that somebody else keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import pulumi
import pulumi_aws as aws

from components import arns, iam, naming
from components.wire import log_group

if TYPE_CHECKING:
    from components.base import Component

LOG_TYPES: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
CREATE_MINUTES: Final = 45
IGNORED_CLUSTER_CHANGES: Final = (
    # both replace the whole cluster when they change, and neither means anything after creation
    "accessConfig.bootstrapClusterCreatorAdminPermissions",
    "bootstrapSelfManagedAddons",
)


@dataclass(frozen=True, kw_only=True)
class ExistingClusterArgs:
    """A cluster of somebody else, all known at preview."""

    endpoint: str
    certificate: str
    security_group_id: str


@dataclass(frozen=True, kw_only=True)
class ControlPlaneArgs:
    place: iam.Place
    version: str
    endpoint: Literal["private", "public"]
    public_access_cidrs: tuple[str, ...]
    admin_role_arns: tuple[str, ...]
    """Empty: whoever creates the cluster administers it; else exactly these."""
    deletion_protection: bool
    support_type: Literal["STANDARD", "EXTENDED"]
    key_arn: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    log_retention_days: int
    protect: bool


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """What the rest of the cluster is made from."""

    name: pulumi.Input[str]
    endpoint: pulumi.Input[str]
    certificate: pulumi.Input[str]
    security_group_id: pulumi.Input[str]
    """The group EKS puts on the control plane and on managed nodes."""
    resources: tuple[pulumi.Resource, ...] = ()
    """The cluster, when it is made here."""
    access: tuple[pulumi.Resource, ...] = ()


def existing_control_plane(name: str, args: ExistingClusterArgs) -> ControlPlane:
    return ControlPlane(
        name=name,
        endpoint=args.endpoint,
        certificate=args.certificate,
        security_group_id=args.security_group_id,
    )


def control_plane(parent: Component, args: ControlPlaneArgs) -> ControlPlane:
    cluster = _cluster(parent, args)
    return ControlPlane(
        name=cluster.name,
        endpoint=cluster.endpoint,
        certificate=cluster.certificate_authority.data,
        security_group_id=cluster.vpc_config.cluster_security_group_id,
        resources=(cluster,),
        access=tuple(_access_entries(parent, args, cluster)),
    )


def _cluster(parent: Component, args: ControlPlaneArgs) -> aws.eks.Cluster:
    # EKS writes to this name; made first, it has an end and a key
    settings = {
        "name": f"/aws/eks/{args.place.cluster}/cluster",
        "retentionInDays": args.log_retention_days,
        "kmsKeyId": args.key_arn,
    }
    logs = log_group(naming.logical(parent.name, "control-plane"), settings, parent.child())
    role, attachments = iam.service_role(
        parent, parent.name, "eks.amazonaws.com", ("AmazonEKSClusterPolicy",), args.place
    )
    return aws.eks.Cluster(
        parent.name,
        name=args.place.cluster,
        role_arn=role.arn,
        version=args.version,
        access_config={
            "authentication_mode": "API",
            "bootstrap_cluster_creator_admin_permissions": not args.admin_role_arns,
        },
        bootstrap_self_managed_addons=False,
        deletion_protection=args.deletion_protection,
        enabled_cluster_log_types=list(LOG_TYPES),
        encryption_config={"provider": {"key_arn": args.key_arn}, "resources": ["secrets"]},
        upgrade_policy={"support_type": args.support_type},
        vpc_config=_vpc_config(args),
        opts=parent.child(
            depends_on=[logs, *attachments],
            protect=args.protect,
            ignore_changes=IGNORED_CLUSTER_CHANGES,
            minutes=CREATE_MINUTES,
        ),
    )


def _vpc_config(args: ControlPlaneArgs) -> dict[str, Any]:
    public = args.endpoint == "public"
    config: dict[str, Any] = {
        "subnet_ids": list(args.subnet_ids),
        "endpoint_private_access": True,
        "endpoint_public_access": public,
    }
    return config | ({"public_access_cidrs": list(args.public_access_cidrs)} if public else {})


def _access_entries(
    parent: Component, args: ControlPlaneArgs, cluster: aws.eks.Cluster
) -> list[pulumi.Resource]:
    admin = arns.cluster_access_policy(args.place.region, "AmazonEKSClusterAdminPolicy")
    made: list[pulumi.Resource] = []
    for role in args.admin_role_arns:
        name = naming.logical(parent.name, "admin", role.rpartition("/")[2].lower())
        entry = aws.eks.AccessEntry(
            name, cluster_name=cluster.name, principal_arn=role, type="STANDARD", opts=parent.child()
        )
        grant = aws.eks.AccessPolicyAssociation(
            name,
            cluster_name=cluster.name,
            principal_arn=role,
            policy_arn=admin,
            access_scope={"type": "cluster"},
            opts=parent.child(depends_on=[entry]),
        )
        made += [entry, grant]
    return made
