"""Arguments of the account-level components, from a resolved environment."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final, Literal

from components import naming
from components.addresses import SYSTEM_PODS, NodeDemand, problem
from components.cluster import ClusterArgs, SystemNodes
from components.control_plane import ExistingClusterArgs
from components.encryption import EncryptionArgs
from components.gpu_pool import most_nodes
from components.network import PRIVATE_CLUSTER_SERVICES, ExistingVpcArgs, NetworkArgs
from components.node_template import efa_layout
from components.spending import SpendingArgs
from components.weight_files import ADDON as DRIVER_ADDON
from components.weight_files import WeightFilesArgs
from inferstack.errors import InputError
from inferstack.sizing.lustre import lustre_gib

if TYPE_CHECKING:
    import pulumi

    from components.cluster import Cluster
    from components.environment_plan import Resolved
    from components.network import Network
    from components.served import ServedWorkload
    from inferstack.spec.existing import ExistingCluster, ExistingVpc
    from inferstack.spec.monitoring import Monitoring as MonitoringSpec

LOG_DAYS_PRODUCTION: Final = 365
LOG_DAYS: Final = 30
ROUTERS_ON_SMALL_NODE: Final = 1
"""Routers, a proxy and a picker each, that fit beside the daemons of a node outside production."""
ROUTERS_ON_NODE: Final = 2
"""Of two proxies and two pickers, in production."""
ROUTERS_BESIDE: Final = 2
"""Routers that fit on production's nodes beside everything else there."""
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
        file_system=resolved.environment.model_store.file_system != "none",
        log_delivery=_flow_logs(resolved) == "s3",
    )


def weight_files_args(
    resolved: Resolved,
    key_arn: pulumi.Input[str],
    network: Network,
    cluster: Cluster,
    namespace: pulumi.Resource,
) -> WeightFilesArgs:
    version = resolved.pins.addon(resolved.environment.cluster.version, DRIVER_ADDON)
    return WeightFilesArgs(
        environment=resolved.name,
        place=resolved.place,
        bucket=resolved.bucket,
        capacity_gib=lustre_gib(sum(item.weights_gib for item in resolved.checkpoints)),
        vpc_id=network.vpc_id,
        vpc_cidr=resolved.environment.network.vpc_cidr,
        subnet_id=network.private_subnet_ids[0],
        key_arn=key_arn,
        addon_version=None if DRIVER_ADDON in resolved.provides else version,
        cluster_ready=cluster.ready,
        namespace=namespace,
    )


def spending_args(resolved: Resolved) -> SpendingArgs:
    safety, budget = resolved.environment.safety, resolved.environment.budget
    return SpendingArgs(
        environment=resolved.name,
        account=resolved.place.account,
        budget_monthly_usd=budget.monthly_usd if budget is not None else None,
        anomaly_usd=safety.anomaly_usd,
        emails=safety.emails,
        topic_arn=safety.topic_arn,
    )


def _flow_logs(resolved: Resolved) -> Literal["none", "cloudwatch", "s3"]:
    network = resolved.environment.network
    return network.flow_logs_to if network.flow_logs and network.existing is None else "none"


def network_args(resolved: Resolved, key_arn: pulumi.Input[str]) -> NetworkArgs:
    network, gateway = resolved.environment.network, resolved.environment.gateway
    return NetworkArgs(
        environment=resolved.name,
        place=resolved.place,
        cidr=network.vpc_cidr,
        zones=resolved.zones,
        control_plane_zones=resolved.control_plane_zones,
        nat=network.nat,
        internet_facing=gateway is not None and gateway.scheme == "internet-facing",
        endpoints=endpoints(resolved),
        flow_logs=_flow_logs(resolved),
        flow_log_bucket=naming.flow_log_bucket(resolved.name, resolved.place.account, resolved.place.region),
        key_arn=key_arn,
        log_retention_days=log_days(resolved),
        protect=resolved.production,
        existing=_existing_vpc(network.existing),
    )


def _existing_vpc(vpc: ExistingVpc | None) -> ExistingVpcArgs | None:
    if vpc is None:
        return None
    return ExistingVpcArgs(
        vpc_id=vpc.vpc_id,
        private=dict(sorted(vpc.private_subnets.items())),
        control_plane=dict(sorted(vpc.control_plane.items())),
        public=dict(sorted(vpc.public_subnets.items())),
    )


def endpoints(resolved: Resolved) -> tuple[str, ...]:
    """Services reached without leaving the VPC: those of every private cluster, and what this one adds."""
    environment = resolved.environment
    if not environment.network.interface_endpoints:
        return ()
    extra = _monitoring_services(environment.monitoring)
    starter = {"sqs", "ssm"} if environment.cluster.gpu_nodes == "karpenter" else set()
    return tuple(sorted({*PRIVATE_CLUSTER_SERVICES, *extra, *starter, *resolved.aws_fallback_services}))


def _monitoring_services(monitoring: MonitoringSpec) -> set[str]:
    """Called from inside the VPC: metrics are written, spans exported, alerts published."""
    if monitoring.stack == "none":
        return set()
    told = bool(monitoring.alerts.topic_arn or monitoring.alerts.emails)
    asked = {
        "aps-workspaces": monitoring.stack == "amp",
        "sns": monitoring.stack == "prometheus" and told,
        "xray": bool(monitoring.sampling) and monitoring.traces.exporter == "xray",
    }
    return {service for service, called in asked.items() if called}


def cluster_args(resolved: Resolved, key_arn: pulumi.Input[str], network: Network) -> ClusterArgs:
    cluster = resolved.environment.cluster
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
        system_nodes=system_nodes(resolved),
        tags=tuple(resolved.tags.items()),
        pins=resolved.pins,
        protect=resolved.production,
        network=[network],
        extended_support=cluster.extended_support,
        existing=_existing_cluster(cluster.existing),
    )


def system_nodes(resolved: Resolved) -> SystemNodes:
    """As many as hold everything that is not a model: nobody's first pod waits for the node autoscaler."""
    routers = len(resolved.routed)
    if not resolved.production:
        small = 3 if resolved.environment.gateway and resolved.environment.monitoring.stack != "none" else 2
        desired = small + ceil(routers / ROUTERS_ON_SMALL_NODE)
        return SystemNodes(desired=desired, maximum=_most(desired), instance_types=SMALL_NODES)
    desired = max(2, len(resolved.zones)) + ceil(max(0, routers - ROUTERS_BESIDE) / ROUTERS_ON_NODE)
    return SystemNodes(desired=desired, maximum=_most(desired))


def _most(desired: int) -> int:
    """Never less than the usual, and always room to grow."""
    return max(SystemNodes.maximum, desired + 2)


def check_addresses(resolved: Resolved) -> None:
    """InputError when a VPC made here is too small for what may run in it."""
    if resolved.environment.network.existing is not None:
        return
    system = NodeDemand(nodes=system_nodes(resolved).maximum, zones=resolved.zones, pods=SYSTEM_PODS)
    pools = [_node_demand(served) for served in resolved.served if served.zones]
    found = problem(
        cidr=resolved.environment.network.cidr,
        pools=[system, *pools],
        zones=resolved.zones,
        endpoints=len(endpoints(resolved)),
    )
    if found is not None:
        raise InputError(found)


def _node_demand(served: ServedWorkload) -> NodeDemand:
    plan = served.plan
    layout = efa_layout(served.resources.efa_interfaces)
    return NodeDemand(
        nodes=most_nodes(plan),
        zones=served.zones[:1] if plan.chosen.nodes_per_replica > 1 else served.zones,
        pods=max(1, plan.chosen.replicas_per_node),
        interfaces=sum(item["interfaceType"] != "efa-only" for item in layout),
    )


def _existing_cluster(cluster: ExistingCluster | None) -> ExistingClusterArgs | None:
    if cluster is None:
        return None
    return ExistingClusterArgs(
        endpoint=cluster.endpoint,
        certificate=cluster.certificate_authority,
        security_group_id=cluster.security_group_id,
    )
