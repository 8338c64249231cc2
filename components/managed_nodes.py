"""GPU nodes as an EKS managed node group: launch template, group, and hints for scaling from zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_aws as aws

from components import kube, naming
from components.node_image import ami_type
from components.node_template import GpuTemplate, node_template, template_reference
from components.wire import group_tag

if TYPE_CHECKING:
    from components.gpu_pool import GpuPool

NODE_MINUTES: Final = 45
TEMPLATE_TAG: Final = "k8s.io/cluster-autoscaler/node-template/resources"


def managed_nodes(pool: GpuPool) -> tuple[pulumi.Resource, ...]:
    """The group and what the autoscaler reads about it while it is empty."""
    group = _node_group(pool)
    return (group, *_scale_from_zero(pool, group))


def _node_group(pool: GpuPool) -> aws.eks.NodeGroup:
    args, chosen = pool.args, pool.args.candidate
    template = node_template(
        pool, pool.name, volumes=args.volumes, tags=tuple(pool.tags.items()), gpu=_template(pool)
    )
    return aws.eks.NodeGroup(
        pool.name,
        cluster_name=args.cluster,
        node_role_arn=args.node_role_arn,
        subnet_ids=pool.subnet_ids,
        ami_type=ami_type(args.instance, args.image),
        capacity_type=args.capacity_type,
        instance_types=None if chosen.purchase == "capacity-block" else list(args.instance_types),
        launch_template=template_reference(template),
        scaling_config={"min_size": 0, "desired_size": args.first_nodes, "max_size": args.max_nodes},
        update_config=_update_config(pool),
        node_repair_config={"enabled": True},
        warm_pool_config=_warm_pool(pool),
        labels=pool.labels,
        taints=[{"key": kube.GPU_RESOURCE, "value": "true", "effect": "NO_SCHEDULE"}],
        opts=pool.child(
            depends_on=args.node_dependencies,
            ignore_changes=["scalingConfig.desiredSize"],
            minutes=NODE_MINUTES,
        ),
    )


def _update_config(pool: GpuPool) -> dict[str, object]:
    """Without spare capacity an update that starts nodes first would wait for ever."""
    strategy = "DEFAULT" if pool.args.candidate.surge_replicas else "MINIMAL"
    return {"max_unavailable": 1, "update_strategy": strategy}


def _warm_pool(pool: GpuPool) -> dict[str, Any] | None:
    """Exactly ``warm_nodes`` beside the nodes in use.

    Stopping an instance erases its local disks and the RAID over them, so types with NVMe wait running, at
    full price; the others wait stopped and cost their volumes.
    """
    count = pool.args.warm_nodes
    if not count:
        return None
    return {
        "min_size": count,
        # without this EC2 fills the pool up to the group's largest size
        "max_group_prepared_capacity": count,
        "pool_state": "Running" if pool.args.instance.nvme_gb else "Stopped",
    }


def _template(pool: GpuPool) -> GpuTemplate:
    args = pool.args
    return GpuTemplate(
        boot=args.boot,
        efa_interfaces=args.efa_interfaces,
        security_group_ids=(
            () if pool.efa_group is None else (args.cluster_security_group_id, pool.efa_group)
        ),
        placement_group=pool.placement_group,
        reservation_id=pool.reservation_id,
        capacity_block=args.candidate.purchase == "capacity-block",
        instance_type=args.candidate.instance_type,
    )


def _scale_from_zero(pool: GpuPool, group: aws.eks.NodeGroup) -> list[pulumi.Resource]:
    """Labels, taints and GPUs the autoscaler learns from EKS and EC2; storage and EFA from these tags alone.

    Without them it takes a node of an empty group to have none, and never starts one for our pods.
    """
    resources = {"ephemeral-storage": f"{pool.args.ephemeral_gib}Gi"}
    if pool.args.efa_interfaces:
        resources[kube.EFA_RESOURCE] = str(pool.args.efa_interfaces)
    # EKS makes exactly one scaling group
    scaling_group = group.resources.apply(lambda made: made[0].autoscaling_groups[0].name if made else "")
    return [
        group_tag(
            naming.logical(pool.name, resource.rpartition("/")[2]),
            scaling_group,
            (f"{TEMPLATE_TAG}/{resource}", value),
            pool.child(),
        )
        for resource, value in resources.items()
    ]
