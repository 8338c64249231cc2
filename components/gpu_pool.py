"""GPU nodes of one workload: a managed node group in the zones that sell the instance type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_aws as aws

from components import kube, naming
from components.base import Component
from components.facts import GpuPoolFacts
from components.node_template import GpuTemplate, efa_count, node_template, template_reference
from components.wire import ec2
from inferstack.errors import InputError, Problem

if TYPE_CHECKING:
    from inferstack.catalog.types import InstanceType
    from inferstack.sizing.types import Candidate, WorkloadPlan

CAPACITY_TYPES: Final = {"spot": "SPOT", "capacity-block": "CAPACITY_BLOCK"}
"""Everything else is On-Demand to EC2: savings plans and reservations change the bill, not the request."""
RESERVED: Final = ("capacity-reservation", "capacity-block")
ROOT_GIB_WITH_INSTANCE_STORE: Final = 60
ROOT_GIB: Final = 200
"""Without local NVMe the root volume holds images and pod storage."""
NODE_MINUTES: Final = 45
LABEL_ACCELERATOR: Final = "inferstack.dev/accelerator"
LABEL_PURCHASE: Final = "inferstack.dev/purchase"


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


def holds_the_same_pods(first: InstanceType, second: InstanceType) -> bool:
    """Whether a pod sized for the first type runs on the second as well, from the same image and disks."""
    same = ("gpu", "gpu_count", "ami_al2023", "cpu_arch")
    return (
        first.id != second.id
        and all(getattr(first, name) == getattr(second, name) for name in same)
        and second.vcpus >= first.vcpus
        and second.memory_gib >= first.memory_gib
        and bool(second.nvme_gb) == bool(first.nvme_gb)
    )


@dataclass(frozen=True, kw_only=True)
class GpuPoolArgs:
    environment: str
    cluster: str
    plan: WorkloadPlan
    instance: InstanceType
    second: InstanceType | None
    """Of the plan's second choice."""
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

    @property
    def candidate(self) -> Candidate:
        return self.plan.chosen

    @property
    def multi_node(self) -> bool:
        return self.candidate.nodes_per_replica > 1

    @property
    def capacity_type(self) -> str:
        return CAPACITY_TYPES.get(self.candidate.purchase, "ON_DEMAND")

    @property
    def instance_types(self) -> tuple[str, ...]:
        """Spot takes what there is: a second type that holds the same pods halves the interruptions.

        Elsewhere the first type alone: a node group is replaced when its list changes.
        """
        first, second = self.instance, self.second
        if self.candidate.purchase != "spot" or second is None or self.multi_node:
            return (first.id,)
        return (first.id, second.id) if holds_the_same_pods(first, second) else (first.id,)

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
        if self.instance.ami_al2023 is None:
            message = f"there is no EKS-optimised GPU image for {kind}"
            found.append(Problem(message=message, path=where, accepted="another instance type"))
        if self.candidate.purchase in RESERVED and self.reservation_id is None:
            message = f"{self.candidate.purchase} names no reservation"
            found.append(Problem(message=message, path=where, accepted="capacity.reservationId: cr-..."))
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
            gpu=chosen.gpu,
            gpus_per_instance=chosen.gpus_per_instance,
            purchase=chosen.purchase,
            capacity_type=self.capacity_type,
            reservation_id=self.reservation_id,
            nodes=chosen.nodes,
            max_nodes=self.max_nodes,
            efa_interfaces=self.efa_interfaces,
            root_volume_gib=self.root_volume_gib,
            usd_per_hour=chosen.usd_per_hour,
            usd_per_month=chosen.usd_per_month,
        )


class GpuPool(Component):
    """Nodes that only this workload's pods (and daemons that tolerate GPUs) run on.

    The cluster autoscaler moves the size between nothing and ``max_nodes`` as pods come and go, so later
    plans do not reset it; the first size is the plan's.
    """

    def __init__(self, name: str, args: GpuPoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        if problems := args.problems():
            raise InputError(*problems)
        super().__init__("GpuPool", name, args.facts(), opts)
        self.args = args
        self.node_group = self._node_group()
        self.register_outputs({"nodeGroup": self.node_group.node_group_name})

    def _node_group(self) -> aws.eks.NodeGroup:
        args, chosen = self.args, self.args.candidate
        template = node_template(
            self, self.name, root_volume_gib=args.root_volume_gib, tags=self._tags(), gpu=self._template()
        )
        # EC2 refuses instances of a capacity block that has not begun: the autoscaler starts them
        first_size = 0 if chosen.purchase == "capacity-block" else chosen.nodes
        return aws.eks.NodeGroup(
            self.name,
            cluster_name=args.cluster,
            node_role_arn=args.node_role_arn,
            subnet_ids=list(args.subnet_ids)[: len(args.pool_zones)],
            ami_type=args.instance.ami_al2023,
            capacity_type=args.capacity_type,
            instance_types=None if chosen.purchase == "capacity-block" else list(args.instance_types),
            launch_template=template_reference(template),
            scaling_config={"min_size": 0, "desired_size": first_size, "max_size": args.max_nodes},
            update_config=self._update_config(),
            node_repair_config={"enabled": True},
            labels=self._labels(),
            taints=[{"key": kube.GPU_RESOURCE, "value": "true", "effect": "NO_SCHEDULE"}],
            opts=self.child(
                depends_on=args.node_dependencies,
                ignore_changes=["scalingConfig.desiredSize"],
                minutes=NODE_MINUTES,
            ),
        )

    def _update_config(self) -> dict[str, object]:
        """Without spare capacity an update that starts nodes first would wait for ever."""
        strategy = "DEFAULT" if self.args.candidate.surge_replicas else "MINIMAL"
        return {"max_unavailable": 1, "update_strategy": strategy}

    def _labels(self) -> dict[str, str]:
        return {
            kube.LABEL_WORKLOAD: naming.label_value(self.args.plan.workload),
            LABEL_ACCELERATOR: naming.label_value(self.args.candidate.gpu),
            LABEL_PURCHASE: self.args.candidate.purchase,
        }

    def _tags(self) -> tuple[tuple[str, str], ...]:
        return (*self.args.tags, (kube.LABEL_WORKLOAD, self.args.plan.workload))

    def _template(self) -> GpuTemplate:
        args = self.args
        return GpuTemplate(
            instance_store=args.instance.nvme_gb > 0,
            efa_interfaces=args.efa_interfaces,
            security_group_ids=self._security_groups(),
            placement_group=self._placement_group(),
            reservation_id=args.reservation_id if args.candidate.purchase in RESERVED else None,
            capacity_block=args.candidate.purchase == "capacity-block",
            instance_type=args.candidate.instance_type,
        )

    def _security_groups(self) -> tuple[pulumi.Input[str], ...]:
        """EFA traffic is only allowed between members of one group, in and out, all protocols."""
        if not self.args.efa_interfaces:
            return ()
        rule = {"protocol": "-1", "fromPort": 0, "toPort": 0, "self": True}
        inputs = {
            "vpcId": self.args.vpc_id,
            "description": f"EFA between the nodes of {self.args.plan.workload}",
            "ingress": [rule],
            "egress": [rule],
        }
        group = ec2("SecurityGroup", naming.logical(self.name, "efa"), inputs, self.child())
        return (self.args.cluster_security_group_id, group.id)

    def _placement_group(self) -> pulumi.Input[str] | None:
        """Nodes of one replica close together; capacity blocks are placed by EC2 itself."""
        if not self.args.multi_node or self.args.candidate.purchase == "capacity-block":
            return None
        return ec2("PlacementGroup", self.name, {"strategy": "cluster"}, self.child()).id
