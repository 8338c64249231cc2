"""GPU nodes by Karpenter: a node class (how instances are launched) and a node pool (which, how many)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import pulumi

from components import kube, naming
from components.node_template import METADATA_OPTIONS, efa_layout

if TYPE_CHECKING:
    from components.gpu_pool import GpuPool
    from components.karpenter import KarpenterNodes
    from components.node_image import Volume

GROUP: Final = "karpenter.k8s.aws"
CAPACITY_TYPES: Final = {
    "spot": ("spot",),
    # what runs over a reservation is bought on demand, as it is when the reservation ends
    "capacity-reservation": ("reserved", "on-demand"),
    "capacity-block": ("reserved",),
}
NODE_MINUTES: Final = 45
"""Deleting a pool drains and ends its nodes first."""
WEIGHT: Final = 50
STANDBY_WEIGHT: Final = 10
"""Karpenter tries the heavier pool first, and the other when AWS has no capacity."""
IDLE: Final = "20m"
"""A GPU node that just lost its pod is wanted again soon more often than not."""


def karpenter_nodes(pool: GpuPool, settings: KarpenterNodes) -> tuple[pulumi.Resource, ...]:
    """The node class, then the pool; deleted the other way round, while the controller still runs."""
    name = naming.kubernetes(pool.args.plan.workload, naming.STANDBY_SUFFIX if pool.args.standby else "")
    made = kube.KubernetesObject(
        naming.logical(pool.name, "class"),
        node_class(pool, settings, name),
        pool.child(depends_on=[*pool.args.node_dependencies, *settings.ready], minutes=NODE_MINUTES),
    )
    node_pool = kube.KubernetesObject(
        pool.name, node_pool_document(pool, name), pool.child(depends_on=[made], minutes=NODE_MINUTES)
    )
    return (node_pool,)


def node_class(pool: GpuPool, settings: KarpenterNodes, name: str) -> dict[str, Any]:
    args = pool.args
    # EKS tags the group it puts on the control plane and on managed nodes
    groups: list[dict[str, Any]] = [{"tags": {"aws:eks:cluster-name": args.cluster}}]
    if pool.efa_group is not None:
        groups.append({"id": pool.efa_group})
    spec = kube.compact(
        amiSelectorTerms=[{"alias": settings.image_alias(args.image)}],
        instanceProfile=settings.instance_profile,
        subnetSelectorTerms=[{"id": subnet} for subnet in pool.subnet_ids],
        securityGroupSelectorTerms=groups,
        metadataOptions=dict(METADATA_OPTIONS),
        blockDeviceMappings=[_block_device(volume) for volume in args.volumes],
        instanceStorePolicy="RAID0" if args.instance.nvme_gb else None,
        networkInterfaces=efa_layout(args.efa_interfaces) if args.efa_interfaces else None,
        placementGroupSelector={"name": pool.placement_group} if pool.placement_group is not None else None,
        capacityReservationSelectorTerms=[{"id": pool.reservation_id}] if pool.reservation_id else None,
        userData=args.boot.text,
        tags={**pool.tags, "Name": pool.name},
    )
    return kube.manifest(f"{GROUP}/v1", "EC2NodeClass", kube.Metadata(name=name), spec=spec)


def _block_device(volume: Volume) -> dict[str, Any]:
    speed = {"iops": volume.iops, "throughput": volume.mib_per_s} if volume.fast else {}
    return {
        "deviceName": volume.device,
        "ebs": {
            "volumeType": "gp3",
            "volumeSize": f"{volume.gib}Gi",
            **speed,
            "encrypted": True,
            "deleteOnTermination": True,
        },
    }


def node_pool_document(pool: GpuPool, name: str) -> dict[str, Any]:
    args = pool.args
    template = {
        "metadata": {"labels": pool.labels},
        "spec": {
            "nodeClassRef": {"group": GROUP, "kind": "EC2NodeClass", "name": name},
            "requirements": _requirements(pool),
            "taints": [{"key": kube.GPU_RESOURCE, "value": "true", "effect": "NoSchedule"}],
            # a node is replaced when its image or settings change, not because a month has passed
            "expireAfter": "Never",
        },
    }
    spec = {
        "weight": STANDBY_WEIGHT if args.standby else WEIGHT,
        "limits": {kube.GPU_RESOURCE: str(args.max_nodes * args.candidate.gpus_per_instance)},
        "disruption": {
            "consolidationPolicy": "WhenEmpty",
            "consolidateAfter": "Never" if pool.reservation_id else IDLE,
            "budgets": [{"nodes": "1"}],
        },
        "template": template,
    }
    return kube.manifest("karpenter.sh/v1", "NodePool", kube.Metadata(name=name), spec=spec)


def _requirements(pool: GpuPool) -> list[dict[str, Any]]:
    args = pool.args
    arch = "arm64" if args.instance.cpu_arch == "arm64" else "amd64"
    capacity = CAPACITY_TYPES.get(args.candidate.purchase, ("on-demand",))
    wanted: list[tuple[str, Sequence[str]]] = [
        ("node.kubernetes.io/instance-type", args.instance_types),
        ("karpenter.sh/capacity-type", capacity),
        ("topology.k8s.aws/zone-id", args.pool_zones),
        ("kubernetes.io/arch", (arch,)),
    ]
    return [{"key": key, "operator": "In", "values": list(values)} for key, values in wanted]
