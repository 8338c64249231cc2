"""Karpenter: the controller that starts GPU nodes, its rights, and the queue that warns it of interruptions.

It runs on the system nodes, which a managed group keeps: it never has to start the node it runs on. Its nodes
get an instance profile made here, so it needs no right to make IAM objects and works where the VPC has no way
to the IAM API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from components import arns, iam, naming
from components.base import Component
from components.charts import SYSTEM_NAMESPACE, release
from components.facts import KarpenterFacts
from components.interruptions import interruption_queue, queue_name
from components.karpenter_rights import controller_statements

if TYPE_CHECKING:
    from components.node_image import NodeImage
    from components.pins import Pins

CHART: Final = "karpenter"
CRDS: Final = "karpenter-crd"
AUTONAME: Final = "?" * (naming.AUTONAME_SUFFIX - 1)
"""What Pulumi adds to a logical name, after a dash."""


@dataclass(frozen=True, kw_only=True)
class KarpenterArgs:
    environment: str
    place: iam.Place
    node_role: aws.iam.Role
    """Of the system nodes: EKS has let its nodes join already."""
    node_role_name: str
    """Its logical name: the physical one, known after deployment only, would hide the whole policy."""
    isolated: bool
    """No way out of the VPC: prices and IAM cannot be asked."""
    pins: Pins

    def facts(self) -> KarpenterFacts:
        return KarpenterFacts(
            environment=self.environment,
            region=self.place.region,
            charts={name: self.pins.chart(name).version for name in (CHART, CRDS)},
            interruption_queue=queue_name(self.environment),
        )


@dataclass(frozen=True, kw_only=True)
class KarpenterNodes:
    """What a pool of Karpenter's nodes needs of it."""

    instance_profile: pulumi.Input[str]
    pins: Pins
    ready: tuple[pulumi.Resource, ...]

    def image_alias(self, image: NodeImage) -> str:
        """A release of the image; its NVIDIA variant follows from the instance type."""
        return f"{image}@{self.pins.node_image(image)}"


class Karpenter(Component):
    """Definitions, controller and queue; ``nodes`` is for the pools."""

    def __init__(self, name: str, args: KarpenterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Karpenter", name, args.facts(), opts)
        self.args = args
        profile = aws.iam.InstanceProfile(
            naming.logical(name, "node"), role=args.node_role.name, opts=self.child()
        )
        queue = interruption_queue(self, args.environment, args.place)
        definitions = self._release(CRDS, {}, [])
        controller = self._release(CHART, controller_values(args), [*queue, self._identity(), definitions])
        self.nodes = KarpenterNodes(
            instance_profile=profile.name, pins=args.pins, ready=(definitions, controller, profile)
        )
        self.register_outputs({})

    def _identity(self) -> pulumi.Resource:
        args = self.args
        node_role = arns.role(args.place.region, args.place.account, f"{args.node_role_name}-{AUTONAME}")
        statements = controller_statements(args.place, node_role, queue_name(args.environment))
        role = iam.pod_role(self, self.name, args.place, statements=statements)
        account = iam.ServiceAccount(namespace=SYSTEM_NAMESPACE, name=CHART)
        return iam.pod_identity(self, self.name, args.place, account, role)

    def _release(
        self, chart: str, values: Mapping[str, Any], depends_on: list[pulumi.Resource]
    ) -> kubernetes.helm.v3.Release:
        return release(
            self,
            naming.logical(self.name, chart),
            self.args.pins.chart(chart),
            release_name=chart,
            namespace=SYSTEM_NAMESPACE,
            values=values,
            depends_on=depends_on,
        )


def controller_values(args: KarpenterArgs) -> dict[str, Any]:
    return {
        "fullnameOverride": CHART,
        "serviceAccount": {"name": CHART},
        "replicas": 2,
        "nodeSelector": {"kubernetes.io/os": "linux", "inferstack.dev/pool": "system"},
        "settings": {
            "clusterName": args.place.cluster,
            "interruptionQueue": queue_name(args.environment),
            "isolatedVPC": args.isolated,
            # a broken GPU is replaced as in managed groups; the node monitoring agent reports it
            "featureGates": {"nodeRepair": True},
        },
        "controller": {
            "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
        },
    }
