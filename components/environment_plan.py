"""What an environment's files and plan mean for the components: names, zones, checkpoints, facts, problems.

No resource is made here; everything is plain and known at preview.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from components import iam, naming
from components.facts import EnvironmentFacts, PolicyFacts, WaiverFacts
from components.gateway_pod import NAMESPACE as GATEWAY_NAMESPACE
from components.loader import Checkpoint
from components.pins import Pins, load_pins
from components.prometheus import NAMESPACE as MONITORING_NAMESPACE
from components.routes import API_KEYS
from components.served import ServedWorkload, ServingContext, served_workload
from components.upstreams import account_registry, prefixes, upstreams_of
from components.watch import Watched
from components.workload_facts import whole_days
from inferstack.errors import InputError, Problem
from inferstack.policy.waivers import load_waivers
from inferstack.spec.identifiers import PULL_THROUGH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.settings import Settings
    from inferstack.catalog.load import Catalog
    from inferstack.sizing.types import EnvironmentPlan
    from inferstack.spec.environment import Environment
    from inferstack.spec.load import LoadedEnvironment

NOT_PRODUCTION = ("dev", "test", "sandbox", "staging")


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """An environment with all names and facts decided."""

    environment: Environment
    place: iam.Place
    zones: tuple[str, ...]
    control_plane_zones: tuple[str, ...]
    bucket: str
    pins: Pins
    served: tuple[ServedWorkload, ...]
    waivers: tuple[WaiverFacts, ...]
    missing_secrets: tuple[str, ...] = ()
    """Configuration keys that `up` will ask for."""

    @property
    def name(self) -> str:
        return self.environment.name

    @property
    def tags(self) -> dict[str, str]:
        return naming.tags(self.name, self.environment.tags)

    @property
    def production(self) -> bool:
        """By the tag ``environment``, else by name; what is not clearly something else is production."""
        label = self.environment.tags.get("environment", self.name)
        return not label.lower().startswith(NOT_PRODUCTION)

    @property
    def multi_node(self) -> bool:
        return any(served.plan.chosen.nodes_per_replica > 1 for served in self.served)

    @property
    def efa(self) -> bool:
        return any(served.resources.efa_interfaces for served in self.served)

    @property
    def provides(self) -> tuple[str, ...]:
        """What an existing cluster runs already."""
        existing = self.environment.cluster.existing
        return existing.provides if existing is not None else ()

    @property
    def weight_files(self) -> bool:
        """Pods read weights from a file system."""
        return self.environment.model_store.file_system != "none"

    @property
    def node_cache(self) -> bool:
        """Compiled kernels are kept on nodes."""
        return self.environment.model_store.compile_cache == "node"

    @property
    def idle_images(self) -> tuple[str, ...]:
        """Pinned images that nothing here runs."""
        monitoring = self.environment.monitoring
        traced = monitoring.stack != "none" and monitoring.sampling
        return (
            *(() if self.environment.gateway is not None else ("litellm",)),
            *(() if traced else ("otel-collector",)),
        )

    @property
    def routed(self) -> tuple[ServedWorkload, ...]:
        """Workloads whose requests are routed by prompt prefix."""
        gateway = self.environment.gateway
        if gateway is None or gateway.routing != "prefix-aware":
            return ()
        return tuple(served for served in self.served if served.generative and served.several)

    @property
    def standby_pools(self) -> bool:
        """Some workload has a second pool, which must not be chosen while the first has room."""
        return any(served.workload.capacity.second_choice_pool for served in self.served)

    @property
    def scaler_kinds(self) -> tuple[Literal["keda", "hpa"], ...]:
        """What some workload is scaled by, each once."""
        return tuple(sorted({served.scaler_kind for served in self.served if served.scaler_kind is not None}))

    @property
    def retention_days(self) -> int:
        return whole_days(self.environment.monitoring.retention)

    @property
    def counting_gateway(self) -> bool:
        """LiteLLM is in front and counts requests, failures and spend."""
        return self.environment.gateway is not None

    @property
    def watched(self) -> tuple[Watched, ...]:
        return tuple(
            served.watched(behind_gateway=self.counting_gateway, routed=served in self.routed)
            for served in self.served
        )

    @property
    def callers(self) -> tuple[str, ...]:
        """Namespaces that may reach servers; empty (anyone in the cluster) without a gateway."""
        if self.environment.gateway is None:
            return ()
        monitoring = () if self.environment.monitoring.stack == "none" else (MONITORING_NAMESPACE,)
        return (GATEWAY_NAMESPACE, *monitoring)

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Each once, however many workloads share it."""
        found = {
            item.prefix: item for served in self.served for item in (served.checkpoint, *served.hub_adapters)
        }
        return tuple(found[prefix] for prefix in sorted(found))

    @property
    def aws_fallback_services(self) -> set[str]:
        """VPC endpoint services that permitted fallbacks in this region call."""
        names = {"bedrock": "bedrock-runtime", "sagemaker": "sagemaker.runtime"}
        return {
            names[item.provider]
            for served in self.served
            for item in served.facts.fallback
            if item.enabled and item.provider in names and item.region == self.place.region
        }

    def facts(self) -> EnvironmentFacts:
        environment = self.environment
        policy = environment.policy
        return EnvironmentFacts(
            environment=self.name,
            account=self.place.account,
            region=self.place.region,
            zones=self.zones,
            residency=tuple(environment.data.residency),
            production=self.production,
            policy=PolicyFacts(
                strict=policy.strict,
                level=policy.level,
                deny_developer_countries=tuple(policy.deny_developer_countries),
                deny_models=tuple(policy.deny_models),
                deny_licences=tuple(policy.deny_licences),
                waivers=self.waivers,
            ),
            budget_monthly_usd=environment.budget.monthly_usd if environment.budget else None,
            tags=self.tags,
            workloads=tuple(served.name for served in self.served),
            missing_secrets=self.missing_secrets,
            tagged_images=self.pins.tagged_images,
        )


def resolve(
    loaded: LoadedEnvironment, plan: EnvironmentPlan, catalog: Catalog, settings: Settings
) -> Resolved:
    """InputError with everything these components cannot build."""
    environment = loaded.environment
    if problems := _problems(environment, plan):
        raise InputError(*problems)
    account, region = environment.cloud.account, environment.cloud.region
    store = environment.model_store
    bucket = store.existing_bucket or store.bucket or naming.bucket_name(environment.name, account, region)
    pins = _pins(loaded, settings)
    plans = {item.workload: item for item in plan.workloads}
    shared = ServingContext(
        environment=environment, catalog=catalog, zones=plan.zones, bucket=bucket, pins=pins
    )
    served = tuple(served_workload(workload, plans[workload.name], shared) for workload in loaded.workloads)
    return Resolved(
        environment=environment,
        place=_place(environment),
        zones=plan.zones,
        control_plane_zones=_control_plane_zones(environment, plan, catalog),
        bucket=bucket,
        pins=pins,
        served=served,
        waivers=_waivers(loaded),
        missing_secrets=(
            *(() if settings.secrets_in_cluster else _missing(environment, served, settings)),
            *_missing_keys(environment, pins, settings),
        ),
    )


def _pins(loaded: LoadedEnvironment, settings: Settings) -> Pins:
    """Versions, and where their images come from here."""
    environment, digests = loaded.environment, settings.image_digests
    recycles = any(workload.serving.recycle_every for workload in loaded.workloads)
    pins = load_pins() if recycles else load_pins().without("kubectl")
    if environment.gateway is None or environment.gateway.database != "in-cluster":
        pins = pins.without("postgres")
    if environment.gateway is None or environment.gateway.cache.kind != "in-cluster":
        pins = pins.without("valkey")
    if environment.gateway is None or environment.gateway.routing != "prefix-aware":
        pins = pins.without("envoy", "endpoint-picker")
    if environment.registry != PULL_THROUGH:
        return pins.configured(mirror=environment.registry, digests=digests)
    registry = account_registry(_place(environment))
    return pins.configured(mirror=registry, digests=digests, prefixes=prefixes(environment.name))


def _place(environment: Environment) -> iam.Place:
    existing = environment.cluster.existing
    return iam.Place(
        account=environment.cloud.account,
        region=environment.cloud.region,
        cluster=existing.name if existing else naming.cluster_name(environment.name),
        permissions_boundary=environment.safety.permissions_boundary,
    )


def _missing(
    environment: Environment, served: Sequence[ServedWorkload], settings: Settings
) -> tuple[str, ...]:
    """Secrets that pods would wait for in vain."""
    needed: dict[str, object] = {}
    if environment.gateway is not None and environment.gateway.auth == "keys":
        needed["gatewayMasterKey"] = settings.gateway_master_key
    if environment.gateway is not None and environment.gateway.database != "none":
        needed["gatewayDatabasePassword"] = settings.gateway_database_password
    if any(item.checkpoint.gated for item in served):
        needed["huggingFaceToken"] = settings.hugging_face_token
    if environment.monitoring.alerts.webhook:
        needed["alertWebhook"] = settings.alert_webhook
    for provider in sorted({item.provider for one in served for item in one.facts.fallback if item.enabled}):
        if environment.gateway is not None and provider in API_KEYS:
            needed[f"providerKey.{provider}"] = settings.provider_keys.get(provider)
    return tuple(name for name, value in needed.items() if value is None)


def _missing_keys(environment: Environment, pins: Pins, settings: Settings) -> tuple[str, ...]:
    """Of registries that ECR may not ask anonymously."""
    if environment.registry != PULL_THROUGH:
        return ()
    asked = [upstream.name for upstream in upstreams_of(pins.repositories) if upstream.needs_key]
    return tuple(f"registryKey.{name}" for name in asked if name not in settings.registry_keys)


def _problems(environment: Environment, plan: EnvironmentPlan) -> list[Problem]:
    found = []
    vpc = environment.network.existing
    if vpc is not None and (outside := sorted(set(plan.zones) - set(vpc.private_subnets))):
        message = f"the plan spans {', '.join(outside)}, where the VPC has no private subnet"
        accepted = ", ".join(vpc.zones)
        found.append(Problem(message=message, path="network.existing.privateSubnets", accepted=accepted))
    for item in plan.workloads:
        if item.chosen.region != plan.region:
            message = f"{item.workload} is planned in {item.chosen.region}, the cluster is in {plan.region}"
            found.append(Problem(message=message, path="cloud.region", accepted=item.chosen.region))
    return found


def _control_plane_zones(
    environment: Environment, plan: EnvironmentPlan, catalog: Catalog
) -> tuple[str, ...]:
    """Two or three zones EKS accepts: the network's own first, then others of the region."""
    if environment.network.existing is not None:
        return tuple(sorted(environment.network.existing.control_plane))
    region = catalog.region(plan.region)
    usable = [zone for zone in plan.zones if zone not in region.control_plane_excluded_zones]
    spare = [
        zone
        for zone in region.zones
        if zone not in region.control_plane_excluded_zones and zone not in usable
    ]
    chosen = tuple(usable + spare[: max(0, 2 - len(usable))])
    if len(chosen) < 2:
        message = f"EKS needs two zones for its control plane and {plan.region} offers {len(chosen)}"
        raise InputError(Problem(message=message, path="cloud.zones"))
    return chosen


def _waivers(loaded: LoadedEnvironment) -> tuple[WaiverFacts, ...]:
    path = loaded.environment.policy.waivers
    if path is None:
        return ()
    return tuple(
        WaiverFacts(
            rule=waiver.rule,
            scope=waiver.scope,
            owner=waiver.owner,
            reason=waiver.reason,
            expires=waiver.expires.isoformat(),
        )
        for waiver in load_waivers(loaded.directory / path)
    )
