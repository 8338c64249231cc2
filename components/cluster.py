"""The EKS cluster: control plane, access, system nodes, add-ons, and the provider that waits for all that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from components import arns, iam, naming
from components.addons import ADDONS, AddonSpec
from components.base import Component
from components.facts import ClusterFacts
from components.node_template import node_template, template_reference
from components.pins import Pins
from components.wire import log_group

LOG_TYPES: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
CREATE_MINUTES: Final = 45
NODE_POLICIES: Final = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
IGNORED_CLUSTER_CHANGES: Final = (
    # both replace the whole cluster when they change, and neither means anything after creation
    "accessConfig.bootstrapClusterCreatorAdminPermissions",
    "bootstrapSelfManagedAddons",
)


@dataclass(frozen=True, kw_only=True)
class SystemNodes:
    """CPU nodes for controllers, gateway, monitoring and the weights loader."""

    instance_types: tuple[str, ...] = ("m7i.xlarge", "m6i.xlarge", "m7a.xlarge", "m6a.xlarge")
    """Same size, several families: one that is short does not stop the cluster."""
    desired: int = 2
    maximum: int = 6
    root_volume_gib: int = 150
    """Holds the serving image (the loader runs from it) and one weights shard at a time."""


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    environment: str
    place: iam.Place
    version: str
    endpoint: Literal["private", "public"]
    public_access_cidrs: tuple[str, ...]
    admin_role_arns: tuple[str, ...]
    """Empty: whoever creates the cluster administers it; else exactly these."""
    deletion_protection: bool
    key_arn: pulumi.Input[str]
    control_plane_subnet_ids: Sequence[pulumi.Input[str]]
    node_subnet_ids: Sequence[pulumi.Input[str]]
    log_retention_days: int
    system_nodes: SystemNodes
    tags: tuple[tuple[str, str], ...]
    """For instances and volumes of nodes: default tags do not reach them."""
    pins: Pins
    protect: bool

    def facts(self) -> ClusterFacts:
        return ClusterFacts(
            environment=self.environment,
            region=self.place.region,
            cluster_name=self.place.cluster,
            version=self.version,
            endpoint=self.endpoint,
            public_access_cidrs=self.public_access_cidrs,
            support_type="STANDARD",
            deletion_protection=self.deletion_protection,
            creator_is_admin=not self.admin_role_arns,
            admin_role_arns=self.admin_role_arns,
            addons={addon.name: self.pins.addon(self.version, addon.name) for addon in ADDONS},
            system_instance_types=self.system_nodes.instance_types,
            system_nodes=self.system_nodes.desired,
            system_nodes_max=self.system_nodes.maximum,
        )


class Cluster(Component):
    """A cluster whose ``ready`` resources exist once pods can run in it.

    ``kubernetes`` is the provider for everything inside; it is created after ``ready`` and deleted before it,
    so no object of the cluster needs to know what it depends on.
    """

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Cluster", name, args.facts(), opts)
        self.args = args
        self.cluster = self._cluster()
        access = self._access_entries()
        early = self._early_addons()
        self.node_role, attachments = iam.service_role(
            self, naming.logical(name, "node"), "ec2.amazonaws.com", NODE_POLICIES, args.place.region
        )
        self.before_nodes: tuple[pulumi.Resource, ...] = (*early, *attachments)
        system = self._system_nodes()
        late = [self._addon(addon, [system]) for addon in ADDONS if not addon.before_nodes]
        self.ready: tuple[pulumi.Resource, ...] = (system, *access, *early, *late)
        self.kubernetes = self._kubernetes_provider()
        self.register_outputs({"clusterName": args.place.cluster, "endpoint": self.cluster.endpoint})

    @property
    def security_group_id(self) -> pulumi.Output[str]:
        """The group EKS puts on the control plane and on managed nodes."""
        return self.cluster.vpc_config.cluster_security_group_id

    def _cluster(self) -> aws.eks.Cluster:
        args = self.args
        # EKS writes to this name; made first, it has an end and a key
        settings = {
            "name": f"/aws/eks/{args.place.cluster}/cluster",
            "retentionInDays": args.log_retention_days,
            "kmsKeyId": args.key_arn,
        }
        logs = log_group(naming.logical(self.name, "control-plane"), settings, self.child())
        role, attachments = iam.service_role(
            self, self.name, "eks.amazonaws.com", ("AmazonEKSClusterPolicy",), args.place.region
        )
        return aws.eks.Cluster(
            self.name,
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
            upgrade_policy={"support_type": "STANDARD"},
            vpc_config=self._vpc_config(),
            opts=self.child(
                depends_on=[logs, *attachments],
                protect=args.protect,
                ignore_changes=IGNORED_CLUSTER_CHANGES,
                minutes=CREATE_MINUTES,
            ),
        )

    def _vpc_config(self) -> dict[str, Any]:
        public = self.args.endpoint == "public"
        config: dict[str, Any] = {
            "subnet_ids": list(self.args.control_plane_subnet_ids),
            "endpoint_private_access": True,
            "endpoint_public_access": public,
        }
        return config | ({"public_access_cidrs": list(self.args.public_access_cidrs)} if public else {})

    def _access_entries(self) -> list[pulumi.Resource]:
        admin = arns.cluster_access_policy(self.args.place.region, "AmazonEKSClusterAdminPolicy")
        made: list[pulumi.Resource] = []
        for role in self.args.admin_role_arns:
            name = naming.logical(self.name, "admin", role.rpartition("/")[2].lower())
            entry = aws.eks.AccessEntry(
                name, cluster_name=self.cluster.name, principal_arn=role, type="STANDARD", opts=self.child()
            )
            grant = aws.eks.AccessPolicyAssociation(
                name,
                cluster_name=self.cluster.name,
                principal_arn=role,
                policy_arn=admin,
                access_scope={"type": "cluster"},
                opts=self.child(depends_on=[entry]),
            )
            made += [entry, grant]
        return made

    def _early_addons(self) -> list[aws.eks.Addon]:
        """The agent first: associations of the others' service accounts mean nothing without it."""
        agent, *others = [addon for addon in ADDONS if addon.before_nodes]
        first = self._addon(agent, [self.cluster])
        return [first, *(self._addon(addon, [first]) for addon in others)]

    def _addon(self, addon: AddonSpec, depends_on: Sequence[pulumi.Resource]) -> aws.eks.Addon:
        name = naming.logical(self.name, addon.name)
        return aws.eks.Addon(
            name,
            cluster_name=self.cluster.name,
            addon_name=addon.name,
            addon_version=self.args.pins.addon(self.args.version, addon.name),
            configuration_values=addon.configuration_text,
            pod_identity_associations=self._addon_identity(name, addon),
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            opts=self.child(depends_on=depends_on),
        )

    def _addon_identity(self, name: str, addon: AddonSpec) -> list[dict[str, Any]] | None:
        if addon.role_policy is None:
            return None
        role = iam.pod_role(self, name, self.args.place, managed=[addon.role_policy])
        return [{"role_arn": role.arn, "service_account": addon.service_account}]

    def _system_nodes(self) -> aws.eks.NodeGroup:
        nodes, name = self.args.system_nodes, naming.logical(self.name, "system")
        template = node_template(self, name, root_volume_gib=nodes.root_volume_gib, tags=self.args.tags)
        return aws.eks.NodeGroup(
            name,
            cluster_name=self.cluster.name,
            node_role_arn=self.node_role.arn,
            subnet_ids=list(self.args.node_subnet_ids),
            ami_type="AL2023_x86_64_STANDARD",
            capacity_type="ON_DEMAND",
            instance_types=list(nodes.instance_types),
            launch_template=template_reference(template),
            scaling_config={
                "min_size": nodes.desired,
                "desired_size": nodes.desired,
                "max_size": nodes.maximum,
            },
            update_config={"max_unavailable": 1},
            node_repair_config={"enabled": True},
            labels={"inferstack.dev/pool": "system"},
            opts=self.child(depends_on=self.before_nodes, ignore_changes=["scalingConfig.desiredSize"]),
        )

    def _kubernetes_provider(self) -> kubernetes.Provider:
        place = self.args.place
        config = pulumi.Output.all(
            self.cluster.endpoint,
            self.cluster.certificate_authority.data,
        ).apply(lambda parts: kubeconfig(place, endpoint=parts[0], certificate=parts[1]))
        return kubernetes.Provider(
            naming.logical(self.name, "kubernetes"),
            kubeconfig=config,
            # a plain string: a kubeconfig that becomes unknown must not replace everything in the cluster
            cluster_identifier=place.cluster,
            enable_server_side_apply=True,
            opts=self.child(depends_on=self.ready),
        )


def kubeconfig(place: iam.Place, *, endpoint: str, certificate: str) -> str:
    """A kubeconfig that asks the AWS CLI for tokens: it holds no secret."""
    command = [
        "eks",
        "get-token",
        "--cluster-name",
        place.cluster,
        "--region",
        place.region,
        "--output",
        "json",
    ]
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "aws", "args": command}}
    cluster = {"server": endpoint, "certificate-authority-data": certificate}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": place.cluster,
        "clusters": [{"name": place.cluster, "cluster": cluster}],
        "contexts": [{"name": place.cluster, "context": {"cluster": place.cluster, "user": place.cluster}}],
        "users": [{"name": place.cluster, "user": user}],
    }
    return json.dumps(document, sort_keys=True)
