"""Arguments of a workload's GPU pools, from a resolved environment and what is built around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components import naming
from components.gpu_pool import GpuPoolArgs
from components.served import pool_zones

if TYPE_CHECKING:
    from components.cluster import Cluster
    from components.environment_plan import Resolved
    from components.karpenter import Karpenter
    from components.network import Network
    from components.served import ServedWorkload


@dataclass(frozen=True, kw_only=True)
class PoolSite:
    """Where pools are built."""

    network: Network
    cluster: Cluster
    karpenter: Karpenter | None


def pool_name(environment: str, served: ServedWorkload, *, standby: bool) -> str:
    """The suffix stands before the workload: long names are cut at their end."""
    parts = (naming.STANDBY_SUFFIX, served.name) if standby else (served.name,)
    return naming.logical(environment, *parts, "gpus")


def pool_args(resolved: Resolved, served: ServedWorkload, site: PoolSite, *, standby: bool) -> GpuPoolArgs:
    cluster, capacity = site.cluster, served.workload.capacity
    second = served.plan.second_choice if standby else None
    zones = pool_zones(second, resolved.zones) if second is not None else served.zones
    return GpuPoolArgs(
        environment=resolved.name,
        cluster=resolved.place.cluster,
        plan=served.plan,
        instance=served.second if standby and served.second is not None else served.instance,
        stand_ins=() if standby else served.stand_ins,
        zones=zones,
        subnet_ids=site.network.private_subnet_ids_in(zones),
        vpc_id=site.network.vpc_id,
        cluster_security_group_id=cluster.security_group_id,
        node_role_arn=cluster.node_role.arn,
        node_dependencies=cluster.before_nodes,
        reservation_id=capacity.reservation_id,
        tags=tuple(resolved.tags.items()),
        image=resolved.environment.cluster.node_image,
        device_plugin=resolved.environment.cluster.gpu_devices == "device-plugin",
        karpenter=site.karpenter.nodes if site.karpenter is not None else None,
        standby=standby,
        warm_nodes=0 if standby else capacity.warm_nodes,
    )
