"""GPU nodes of one workload in the zones that sell the instance type.

One set of arguments, two ways to start them: an EKS managed node group (moved by the cluster autoscaler) or a
Karpenter node pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

import pulumi

from components import kube, naming
from components.base import Component
from components.facts import GpuPoolFacts
from components.karpenter_nodes import karpenter_nodes
from components.managed_nodes import managed_nodes
from components.node_image import NodeBoot, NodeImage, Volume, ami_type, node_boot, volumes
from components.node_template import efa_count
from components.wire import ec2
from inferstack.errors import InputError, Problem

if TYPE_CHECKING:
    from components.karpenter import KarpenterNodes
    from inferstack.catalog.types import InstanceType
    from inferstack.sizing.types import Candidate, WorkloadPlan

CAPACITY_TYPES: Final = {"spot": "SPOT", "capacity-block": "CAPACITY_BLOCK"}
"""Everything else is On-Demand to EC2: savings plans and reservations change the bill, not the request."""
LABEL_ACCELERATOR: Final = "inferstack.dev/accelerator"
LABEL_GPUS: Final = "inferstack.dev/gpus"
LABEL_PURCHASE: Final = "inferstack.dev/purchase"
RESERVED: Final = ("capacity-reservation", "capacity-block")
ROOT_GIB_WITH_INSTANCE_STORE: Final = 60
ROOT_GIB: Final = 200
"""Without local NVMe the root volume holds images and pod storage."""


def nodes_for(candidate: Candidate, replicas: int) -> int:
    """Nodes that hold ``replicas``."""
    if candidate.nodes_per_replica > 1:
        return replicas * candidate.nodes_per_replica
    return ceil(replicas / max(1, candidate.replicas_per_node))


def most_nodes(plan: WorkloadPlan) -> int:
    """Nodes of a pool at its most: all replicas the autoscaler may ask for, and those of a rollout."""
    chosen = plan.chosen
    replicas = max(plan.max_replicas, chosen.replicas) + chosen.surge_replicas
    return max(nodes_for(chosen, replicas), chosen.nodes)


@dataclass(frozen=True, kw_only=True)
class GpuPoolArgs:
    environment: str
    cluster: str
    plan: WorkloadPlan
    instance: InstanceType
    stand_ins: tuple[str, ...]
    """Instance types that hold the same pods, for spot."""
    zones: tuple[str, ...]
    """Zones of the VPC that sell the instance type, in the VPC's order."""
    subnet_ids: Sequence[pulumi.Input[str]]
    """Private subnets, one per zone of ``zones``."""
    vpc_id: pulumi.Input[str]
    cluster_security_group_id: pulumi.Input[str]
    node_role_arn: pulumi.Input[str]
    node_dependencies: Sequence[pulumi.Resource]
    reservation_id: str | None
    tags: tuple[tuple[str, str], ...]
    image: NodeImage = "al2023"
    device_plugin: bool = True
    """False: a DRA driver hands out the GPUs, so no device plugin may."""
    karpenter: KarpenterNodes | None = None
    """What Karpenter's nodes need; None: a managed node group."""
    standby: bool = False
    """Empty until AWS has no capacity of the workload's first pool; ``plan.second_choice`` is its type."""
    warm_nodes: int = 0

    @property
    def candidate(self) -> Candidate:
        if self.standby and self.plan.second_choice is not None:
            return self.plan.second_choice
        return self.plan.chosen

    @property
    def first_nodes(self) -> int:
        """Nodes from the start: EC2 refuses instances of a capacity block that has not begun."""
        empty = self.standby or self.candidate.purchase == "capacity-block"
        return 0 if empty else self.candidate.nodes

    @property
    def boot(self) -> NodeBoot:
        # Karpenter stripes the disks itself, by its node class
        raid = self.karpenter is None
        return node_boot(self.instance, self.image, raid=raid, device_plugin=self.device_plugin)

    @property
    def volumes(self) -> tuple[Volume, ...]:
        return volumes(self.image, data_gib=self.root_volume_gib, fast=not self.instance.nvme_gb)

    @property
    def ephemeral_gib(self) -> int:
        """What pods and images share on a node."""
        return int(self.instance.nvme_gb * 10**9 / 2**30) or self.root_volume_gib

    @property
    def multi_node(self) -> bool:
        return self.candidate.nodes_per_replica > 1

    @property
    def capacity_type(self) -> str:
        return CAPACITY_TYPES.get(self.candidate.purchase, "ON_DEMAND")

    @property
    def instance_types(self) -> tuple[str, ...]:
        """Spot takes what there is: the more types that hold the same pods, the fewer interruptions.

        Elsewhere the planned type alone: a node group is replaced when its list changes.
        """
        if self.candidate.purchase != "spot" or self.multi_node:
            return (self.instance.id,)
        return (self.instance.id, *self.stand_ins)

    @property
    def efa_interfaces(self) -> int:
        return efa_count(self.instance) if self.multi_node else 0

    @property
    def pool_zones(self) -> tuple[str, ...]:
        """One zone for groups of nodes (a placement group cannot span zones) and for capacity blocks."""
        single = self.multi_node or self.candidate.purchase == "capacity-block"
        return self.zones[:1] if single else self.zones

    @property
    def max_nodes(self) -> int:
        return most_nodes(self.plan)

    @property
    def root_volume_gib(self) -> int:
        return ROOT_GIB_WITH_INSTANCE_STORE if self.instance.nvme_gb else ROOT_GIB

    def problems(self) -> list[Problem]:
        """Why no node of this pool could ever start."""
        where, kind = f"workloads.{self.plan.workload}", self.candidate.instance_type
        found = []
        if not self.zones:
            sold = ", ".join(self.candidate.zones) or "nowhere in this region"
            message = f"{kind} is not sold in any zone of the VPC"
            found.append(Problem(message=message, path=where, accepted=f"a VPC over {sold}"))
        if ami_type(self.instance, self.image) is None:
            message = f"there is no EKS-optimised GPU image for {kind}"
            other = "" if self.image == "al2023" else f" with {self.image}"
            found.append(Problem(message=message + other, path=where, accepted="another instance type"))
        if self.candidate.purchase in RESERVED and self.reservation_id is None:
            message = f"{self.candidate.purchase} names no reservation"
            found.append(Problem(message=message, path=where, accepted="capacity.reservationId: cr-..."))
        if self.candidate.purchase in RESERVED and len(self.zones) > 1:
            message = f"{self.reservation_id} lies in one zone, and the plan leaves {len(self.zones)} open"
            accepted = f"one of {', '.join(self.zones)} in capacity.zones"
            found.append(Problem(message=message, path=where, accepted=accepted))
        return found

    def facts(self) -> GpuPoolFacts:
        chosen = self.candidate
        return GpuPoolFacts(
            environment=self.environment,
            workload=self.plan.workload,
            region=chosen.region,
            zones=self.pool_zones,
            instance_type=chosen.instance_type,
            instance_types=self.instance_types,
            node_starter="managed" if self.karpenter is None else "karpenter",
            node_image=self.image,
            gpu=chosen.gpu,
            gpus_per_instance=chosen.gpus_per_instance,
            purchase=chosen.purchase,
            capacity_type=self.capacity_type,
            reservation_id=self.reservation_id,
            nodes=0 if self.standby else chosen.nodes,
            max_nodes=self.max_nodes,
            standby=self.standby,
            warm_nodes=self.warm_nodes,
            efa_interfaces=self.efa_interfaces,
            root_volume_gib=self.root_volume_gib,
            usd_per_hour=None if self.standby else chosen.usd_per_hour,
            usd_per_month=None if self.standby else chosen.usd_per_month,
        )


class GpuPool(Component):
    """Nodes that only this workload's pods (and daemons that tolerate GPUs) run on.

    Their number moves between nothing and ``max_nodes`` as pods come and go, so later plans do not reset it.
    ``ready`` is what pods wait for.
    """

    def __init__(self, name: str, args: GpuPoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        if problems := args.problems():
            raise InputError(*problems)
        super().__init__("GpuPool", name, args.facts(), opts)
        self.args = args
        self.placement_group = self._placement_group()
        self.efa_group = self._efa_group()
        self.ready: tuple[pulumi.Resource, ...] = (
            managed_nodes(self) if args.karpenter is None else karpenter_nodes(self, args.karpenter)
        )
        self.register_outputs({})

    @property
    def tags(self) -> dict[str, str]:
        """For instances, volumes and interfaces."""
        return {**dict(self.args.tags), kube.LABEL_WORKLOAD: self.args.plan.workload}

    @property
    def labels(self) -> dict[str, str]:
        """Of nodes: whose they are, what they have, how they were bought."""
        chosen = self.args.candidate
        return {
            kube.LABEL_WORKLOAD: naming.label_value(self.args.plan.workload),
            LABEL_ACCELERATOR: naming.label_value(chosen.gpu),
            LABEL_GPUS: str(chosen.gpus_per_instance),
            LABEL_PURCHASE: chosen.purchase,
            **kube.GPU_NODES,
        }

    @property
    def subnet_ids(self) -> list[pulumi.Input[str]]:
        return list(self.args.subnet_ids)[: len(self.args.pool_zones)]

    @property
    def reservation_id(self) -> str | None:
        return self.args.reservation_id if self.args.candidate.purchase in RESERVED else None

    def _efa_group(self) -> pulumi.Input[str] | None:
        """EFA traffic is only allowed between members of one group, in and out, all protocols."""
        if not self.args.efa_interfaces:
            return None
        rule = {"protocol": "-1", "fromPort": 0, "toPort": 0, "self": True}
        inputs = {
            "vpcId": self.args.vpc_id,
            "description": f"EFA between the nodes of {self.args.plan.workload}",
            "ingress": [rule],
            "egress": [rule],
        }
        return ec2("SecurityGroup", naming.logical(self.name, "efa"), inputs, self.child()).id

    def _placement_group(self) -> pulumi.Input[str] | None:
        """Nodes of one replica close together; capacity blocks are placed by EC2 itself."""
        if not self.args.multi_node or self.args.candidate.purchase == "capacity-block":
            return None
        return ec2("PlacementGroup", self.name, {"strategy": "cluster"}, self.child()).id
