"""Arguments of the gateway, from a resolved environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.cluster_services import STORAGE_CLASS
from components.gateway import GatewayArgs
from components.gateway_cache import CacheArgs
from components.gateway_config import fallback_groups
from components.gateway_database import DatabaseArgs
from components.gateway_teams import Team
from components.rds_authority import authority
from components.routes import Backend, groups
from inferstack.errors import InputError, Problem

if TYPE_CHECKING:
    import pulumi

    from components.environment_plan import Resolved
    from components.network import Network
    from components.settings import Settings
    from inferstack.spec.gateway import Gateway as GatewaySection


@dataclass(frozen=True, kw_only=True)
class GatewaySite:
    """What the gateway finds where it is built."""

    settings: Settings
    network: Network
    client_security_group_id: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    urls: Mapping[str, str]
    """Of model servers or their routers, by workload."""
    routers: Sequence[pulumi.Resource] = ()
    """Which are there before requests are sent to them."""


def gateway_args(resolved: Resolved, gateway: GatewaySection, site: GatewaySite) -> GatewayArgs:
    backends = tuple(served.backend(site.urls[served.name]) for served in resolved.served)
    return GatewayArgs(
        environment=resolved.name,
        place=resolved.place,
        host=gateway.host,
        scheme=gateway.scheme,
        tls=gateway.tls,
        certificate_arn=gateway.certificate_arn,
        waf=gateway.waf,
        auth=gateway.auth,
        timeout_s=max(1, round(gateway.timeout.total_seconds())),
        replicas=2 if resolved.production else 1,
        backends=backends,
        vpc_cidr=resolved.environment.network.vpc_cidr,
        vpc_values=site.network.chart_values,
        subnet_ids=site.network.load_balancer_subnets,
        controller_exists="aws-load-balancer-controller" in resolved.provides,
        pins=resolved.pins,
        tags=resolved.tags,
        master_key=site.settings.gateway_master_key,
        provider_keys=site.settings.provider_keys,
        database=_database(resolved, gateway, site),
        cache=_cache(resolved, gateway, site, backends),
        teams=teams(gateway, backends),
        team_keys=site.settings.team_keys,
        depends_on=site.routers,
    )


def _database(resolved: Resolved, gateway: GatewaySection, site: GatewaySite) -> DatabaseArgs | None:
    if gateway.database == "none":
        return None
    return DatabaseArgs(
        kind=gateway.database,
        instance_class=gateway.database_class,
        storage_gib=gateway.database_storage_gib,
        production=resolved.production,
        vpc_id=site.network.vpc_id,
        subnet_ids=site.network.intra_subnet_ids,
        client_security_group_id=site.client_security_group_id,
        key_arn=site.key_arn,
        password=site.settings.gateway_database_password,
        image=resolved.pins.image("postgres") if gateway.database == "in-cluster" else None,
        storage_class=STORAGE_CLASS,
        authority=authority(resolved.place.region) if gateway.database == "rds" else None,
    )


def _cache(
    resolved: Resolved, gateway: GatewaySection, site: GatewaySite, backends: Sequence[Backend]
) -> CacheArgs | None:
    section = gateway.cache
    if section.kind == "none":
        return None
    found = next(item for item in backends if section.embedding in (item.workload, *item.answers_to))
    if found.mode != "embedding":
        message = f"{section.embedding} serves {found.task}, which makes no vectors"
        accepted = ", ".join(item.workload for item in backends if item.mode == "embedding")
        accepted = accepted or "an embedding workload of this environment"
        raise InputError(Problem(message=message, path="gateway.cache.embedding", accepted=accepted))
    return CacheArgs(
        kind=section.kind,
        node_type=section.node_type,
        production=resolved.production,
        vpc_id=site.network.vpc_id,
        subnet_ids=site.network.intra_subnet_ids,
        client_security_group_id=site.client_security_group_id,
        key_arn=site.key_arn,
        image=resolved.pins.image("valkey") if section.kind == "in-cluster" else None,
        embedding=found.served_model_name,
        similarity=section.similarity,
        ttl_s=max(1, round(section.ttl.total_seconds())),
        max_classification=section.max_classification,
    )


def teams(gateway: GatewaySection, backends: Sequence[Backend]) -> tuple[Team, ...]:
    """Teams with the model names they may use; what steps in for a model comes with it."""
    names = {group.workload: (group.name, *fallback_groups(group)) for group in groups(backends)}
    return tuple(
        Team(
            name=team.name,
            models=tuple(name for workload in team.models or names for name in names[workload]),
            max_budget_usd=team.budget.monthly_usd if team.budget else None,
            rpm=team.rpm,
            tpm=team.tpm,
        )
        for team in gateway.teams
    )
