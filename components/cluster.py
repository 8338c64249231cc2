"""The EKS cluster: control plane, access, system nodes, add-ons, and the provider that waits for all that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from components import iam, naming
from components.addons import ADDONS, AddonSpec
from components.base import Component
from components.control_plane import (
    ControlPlane,
    ControlPlaneArgs,
    ExistingClusterArgs,
    control_plane,
    existing_control_plane,
)
from components.facts import ClusterFacts
from components.node_image import volumes
from components.node_template import node_template, template_reference
from components.pins import Pins

NODE_POLICIES: Final = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")


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
    network: Sequence[pulumi.Resource] = ()
    """What nodes reach AWS through, routes and endpoints included: nodes come after it and go before it."""
    extended_support: bool = False
    existing: ExistingClusterArgs | None = None
    """Its control plane and add-ons are somebody else's."""

    @property
    def support_type(self) -> Literal["STANDARD", "EXTENDED"]:
        return "EXTENDED" if self.extended_support else "STANDARD"

    @property
    def addons(self) -> tuple[AddonSpec, ...]:
        return ADDONS if self.existing is None else ()

    def control_plane(self) -> ControlPlaneArgs:
        return ControlPlaneArgs(
            place=self.place,
            version=self.version,
            endpoint=self.endpoint,
            public_access_cidrs=self.public_access_cidrs,
            admin_role_arns=self.admin_role_arns,
            deletion_protection=self.deletion_protection,
            support_type=self.support_type,
            key_arn=self.key_arn,
            subnet_ids=self.control_plane_subnet_ids,
            log_retention_days=self.log_retention_days,
            protect=self.protect,
        )

    def facts(self) -> ClusterFacts:
        return ClusterFacts(
            environment=self.environment,
            region=self.place.region,
            cluster_name=self.place.cluster,
            version=self.version,
            endpoint=self.endpoint,
            public_access_cidrs=self.public_access_cidrs,
            support_type=self.support_type,
            deletion_protection=self.deletion_protection,
            creator_is_admin=not self.admin_role_arns,
            admin_role_arns=self.admin_role_arns,
            addons={addon.name: self.pins.addon(self.version, addon.name) for addon in self.addons},
            system_instance_types=self.system_nodes.instance_types,
            system_nodes=self.system_nodes.desired,
            system_nodes_max=self.system_nodes.maximum,
            existing=True if self.existing else None,
        )


class Cluster(Component):
    """A cluster whose ``ready`` resources exist once pods can run in it.

    ``kubernetes`` is the provider for everything inside; it is created after ``ready`` and deleted before it,
    so no object of the cluster needs to know what it depends on.
    """

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Cluster", name, args.facts(), opts)
        self.args = args
        self.control_plane = self._control_plane()
        early = self._early_addons() if args.existing is None else []
        self.node_role_name = naming.logical(name, "node")
        self.node_role, attachments = iam.service_role(
            self, self.node_role_name, "ec2.amazonaws.com", NODE_POLICIES, args.place
        )
        self.before_nodes: tuple[pulumi.Resource, ...] = (*args.network, *early, *attachments)
        system = self._system_nodes()
        late = [self._addon(addon, [system]) for addon in args.addons if not addon.before_nodes]
        self.ready: tuple[pulumi.Resource, ...] = (system, *self.control_plane.access, *early, *late)
        self.kubernetes = self._kubernetes_provider()
        self.register_outputs({"clusterName": args.place.cluster, "endpoint": self.control_plane.endpoint})

    def _control_plane(self) -> ControlPlane:
        if self.args.existing is not None:
            return existing_control_plane(self.args.place.cluster, self.args.existing)
        return control_plane(self, self.args.control_plane())

    @property
    def security_group_id(self) -> pulumi.Input[str]:
        """The group EKS puts on the control plane and on managed nodes."""
        return self.control_plane.security_group_id

    def _early_addons(self) -> list[aws.eks.Addon]:
        """The agent first: associations of the others' service accounts mean nothing without it."""
        agent, *others = [addon for addon in self.args.addons if addon.before_nodes]
        first = self._addon(agent, self.control_plane.resources)
        return [first, *(self._addon(addon, [first]) for addon in others)]

    def _addon(self, addon: AddonSpec, depends_on: Sequence[pulumi.Resource]) -> aws.eks.Addon:
        name = naming.logical(self.name, addon.name)
        return aws.eks.Addon(
            name,
            cluster_name=self.control_plane.name,
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
        disks = volumes("al2023", data_gib=nodes.root_volume_gib, fast=False)
        template = node_template(self, name, volumes=disks, tags=self.args.tags)
        return aws.eks.NodeGroup(
            name,
            cluster_name=self.control_plane.name,
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
            self.control_plane.endpoint,
            self.control_plane.certificate,
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
