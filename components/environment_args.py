"""Arguments of the account-level components, from a resolved environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from components.cluster import ClusterArgs, SystemNodes
from components.encryption import EncryptionArgs
from components.network import PRIVATE_CLUSTER_SERVICES, NetworkArgs

if TYPE_CHECKING:
    import pulumi

    from components.environment_plan import Resolved
    from components.network import Network

LOG_DAYS_PRODUCTION: Final = 365
LOG_DAYS: Final = 30
SMALL_NODES: Final = ("m7i.large", "m6i.large", "m7a.large", "m6a.large")


def log_days(resolved: Resolved) -> int:
    return LOG_DAYS_PRODUCTION if resolved.production else LOG_DAYS


def encryption_args(resolved: Resolved) -> EncryptionArgs:
    return EncryptionArgs(
        environment=resolved.name,
        account=resolved.place.account,
        region=resolved.place.region,
        existing_key_arn=resolved.environment.secrets.kms_key,
        protect=resolved.production,
    )


def network_args(resolved: Resolved, key_arn: pulumi.Input[str]) -> NetworkArgs:
    network, gateway = resolved.environment.network, resolved.environment.gateway
    return NetworkArgs(
        environment=resolved.name,
        account=resolved.place.account,
        region=resolved.place.region,
        cluster=resolved.place.cluster,
        cidr=network.cidr,
        zones=resolved.zones,
        control_plane_zones=resolved.control_plane_zones,
        nat=network.nat,
        internet_facing=gateway is not None and gateway.scheme == "internet-facing",
        endpoints=endpoints(resolved),
        flow_logs=network.flow_logs,
        key_arn=key_arn,
        log_retention_days=log_days(resolved),
        protect=resolved.production,
    )


def endpoints(resolved: Resolved) -> tuple[str, ...]:
    """Services reached without leaving the VPC: those of every private cluster, and what this one adds."""
    environment = resolved.environment
    if not environment.network.interface_endpoints:
        return ()
    extra = {"aps-workspaces"} if environment.monitoring.stack == "amp" else set()
    return tuple(sorted({*PRIVATE_CLUSTER_SERVICES, *extra, *resolved.aws_fallback_services}))


def cluster_args(resolved: Resolved, key_arn: pulumi.Input[str], network: Network) -> ClusterArgs:
    cluster = resolved.environment.cluster
    size = max(2, len(resolved.zones))
    nodes = SystemNodes(desired=size) if resolved.production else SystemNodes(instance_types=SMALL_NODES)
    return ClusterArgs(
        environment=resolved.name,
        place=resolved.place,
        version=cluster.version,
        endpoint=cluster.endpoint,
        public_access_cidrs=tuple(cluster.public_access_cidrs),
        admin_role_arns=tuple(cluster.admin_role_arns),
        deletion_protection=cluster.deletion_protection,
        key_arn=key_arn,
        control_plane_subnet_ids=network.intra_subnet_ids,
        node_subnet_ids=network.private_subnet_ids,
        log_retention_days=log_days(resolved),
        system_nodes=nodes,
        tags=tuple(resolved.tags.items()),
        pins=resolved.pins,
        protect=resolved.production,
    )
