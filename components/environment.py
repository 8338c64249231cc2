"""One environment: account, region, network, cluster and everything served in it.

Order: key → network → cluster (its Kubernetes provider waits until nodes and add-ons are there) → cluster
services → monitoring → autoscaling → GPU runtime → weights → per workload: nodes, then servers → gateway.
Deletion runs the other way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components import kube, naming, scaling
from components.alert_routes import certificate_alarm
from components.autoscaling import Autoscaling, AutoscalingArgs
from components.base import Component
from components.cluster import Cluster
from components.cluster_services import ClusterServices, ClusterServicesArgs
from components.encryption import Encryption
from components.environment_args import (
    check_addresses,
    cluster_args,
    encryption_args,
    network_args,
    spending_args,
    weight_files_args,
)
from components.environment_monitoring import alert_routes, monitoring_args, sampling
from components.environment_plan import resolve
from components.environment_pools import PoolSite, pool_args, pool_name
from components.gateway import Gateway
from components.gateway_args import GatewaySite, gateway_args
from components.gpu_pool import GpuPool
from components.gpu_runtime import GpuRuntime, GpuRuntimeArgs
from components.image_cache import ImageCache, ImageCacheArgs
from components.inference_router import InferenceRouter
from components.karpenter import Karpenter, KarpenterArgs
from components.loader import LoaderSettings
from components.model_store import ModelStore, ModelStoreArgs
from components.monitoring import Monitoring
from components.network import Network
from components.router_args import router_args
from components.settings import Settings
from components.spending import Spending
from components.upstreams import upstreams_of
from components.vllm_pod import ServerSpec
from components.vllm_service import VllmService, VllmServiceArgs
from components.weight_files import WeightFiles
from inferstack.spec.identifiers import PULL_THROUGH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.served import ServedWorkload
    from inferstack.catalog.load import Catalog
    from inferstack.sizing.types import EnvironmentPlan
    from inferstack.spec.load import LoadedEnvironment


@dataclass(frozen=True, kw_only=True)
class InferenceEnvironmentArgs:
    loaded: LoadedEnvironment
    plan: EnvironmentPlan
    catalog: Catalog
    settings: Settings = field(default_factory=Settings)


class InferenceEnvironment(Component):
    """Everything of one environment. InputError when it asks for what these components cannot build."""

    monitoring: Monitoring | None = None
    autoscaling: Autoscaling | None = None
    gateway: Gateway | None = None
    karpenter: Karpenter | None = None
    images: ImageCache | None = None
    weight_files: WeightFiles | None = None

    def __init__(
        self, name: str, args: InferenceEnvironmentArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        self.resolved = resolve(args.loaded, args.plan, args.catalog, args.settings)
        check_addresses(self.resolved)
        self.settings = args.settings
        self.settings.require(self.resolved.missing_secrets)
        super().__init__("InferenceEnvironment", name, self.resolved.facts(), opts)
        self.aws = self._aws_provider()
        outside = self._options(self.aws)
        self.key = Encryption(naming.logical(name, "key"), encryption_args(self.resolved), outside).key_arn
        if self.resolved.environment.safety.watched:
            Spending(naming.logical(name, "spending"), spending_args(self.resolved), outside)
        self._cache_images()
        network = network_args(self.resolved, self.key)
        self.network = Network(naming.logical(name, "network"), network, outside)
        cluster = cluster_args(self.resolved, self.key, self.network)
        self.cluster = Cluster(naming.logical(name, "cluster"), cluster, outside)
        self._inside = self._options(self.aws, self.cluster.kubernetes)
        services = ClusterServicesArgs(
            environment=self.resolved.name,
            place=self.resolved.place,
            version=self.resolved.environment.cluster.version,
            multi_node=self.resolved.multi_node,
            node_cache=self.resolved.node_cache,
            standby_pools=self.resolved.standby_pools,
            inference_pools=bool(self.resolved.routed),
            claims=self.resolved.environment.cluster.gpu_devices == "dra",
            pins=self.resolved.pins,
            provides=self.resolved.provides,
            default_storage_class=self.resolved.environment.cluster.existing is None,
        )
        self.services = ClusterServices(naming.logical(name, "services"), services, self._inside)
        self._start_nodes()
        self._monitor()
        self._scale()
        self.runtime = GpuRuntime(naming.logical(name, "gpu-runtime"), self._runtime(), self._inside)
        self.store = ModelStore(naming.logical(name, "models"), self._store(), self._inside)
        self._mount_weights()
        self.servers = {served.name: self._serve(served) for served in self.resolved.served}
        self.routers = {served.name: self._route(served) for served in self.resolved.routed}
        self._enter()
        self.register_outputs(self.outputs)

    @property
    def outputs(self) -> dict[str, pulumi.Input[object]]:
        """What a user needs after ``up``."""
        place = self.resolved.place
        values: dict[str, pulumi.Input[object]] = {
            "kubeconfigCommand": f"aws eks update-kubeconfig --region {place.region} --name {place.cluster}",
            "models": {name: server.url for name, server in self.servers.items()},
        }
        if self.gateway is not None:
            values["gatewayUrl"] = self.gateway.url
            values["loadBalancer"] = self.gateway.load_balancer
            if self.gateway.validation_record is not None:
                values["certificateValidationRecord"] = self.gateway.validation_record
        return values

    def _options(self, *providers: pulumi.ProviderResource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, providers=list(providers))

    def _aws_provider(self) -> aws.Provider:
        place = self.resolved.place
        return aws.Provider(
            naming.logical(self.name, "aws"),
            region=place.region,
            # a stack that meets another account's credentials stops before it touches anything
            allowed_account_ids=[place.account],
            default_tags={"tags": self.resolved.tags},
            opts=self.child(),
        )

    def _cache_images(self) -> None:
        resolved = self.resolved
        if resolved.environment.registry != PULL_THROUGH:
            return
        pins = resolved.pins.without(*resolved.idle_images)
        args = ImageCacheArgs(
            environment=resolved.name,
            place=resolved.place,
            images=tuple(image for image in pins.images() if image.mirror),
            upstreams=upstreams_of(pins.repositories),
            keys=self.settings.registry_keys,
            key_arn=self.key,
        )
        self.images = ImageCache(naming.logical(self.name, "images"), args, self._options(self.aws))

    def _start_nodes(self) -> None:
        resolved = self.resolved
        if resolved.environment.cluster.gpu_nodes == "managed":
            return
        args = KarpenterArgs(
            environment=resolved.name,
            place=resolved.place,
            node_role=self.cluster.node_role,
            node_role_name=self.cluster.node_role_name,
            isolated=resolved.environment.network.nat == "none",
            pins=resolved.pins,
        )
        self.karpenter = Karpenter(naming.logical(self.name, "karpenter"), args, self._inside)

    def _monitor(self) -> None:
        storage = [self.services.storage_class] if self.services.storage_class else []
        args = monitoring_args(self.resolved, self.settings, key_arn=self.key, depends_on=storage)
        if args is not None:
            self.monitoring = Monitoring(naming.logical(self.name, "monitoring"), args, self._inside)

    def _scale(self) -> None:
        if self.monitoring is None or not self.resolved.scaler_kinds:
            return
        workspace = self.monitoring.workspace
        args = AutoscalingArgs(
            environment=self.resolved.name,
            place=self.resolved.place,
            kinds=self.resolved.scaler_kinds,
            workspace_endpoint=workspace.prometheus_endpoint if workspace is not None else None,
            pins=self.resolved.pins,
            depends_on=[self.monitoring.operator, self.services.serving],
            keda_exists="keda" in self.resolved.provides,
        )
        self.autoscaling = Autoscaling(naming.logical(self.name, "autoscaling"), args, self._inside)

    def _mount_weights(self) -> None:
        if not self.resolved.weight_files:
            return
        args = weight_files_args(self.resolved, self.key, self.network, self.cluster, self.services.serving)
        self.weight_files = WeightFiles(naming.logical(self.name, "weight-files"), args, self._inside)

    def _scaler(self, served: ServedWorkload) -> scaling.Scaler | None:
        kind = served.scaler_kind
        if self.autoscaling is None or kind is None:
            return None
        gateway = self.resolved.environment.gateway is not None
        return scaling.Scaler(kind=kind, source=self.autoscaling.source, gateway=gateway)

    def _runtime(self) -> GpuRuntimeArgs:
        return GpuRuntimeArgs(
            environment=self.resolved.name,
            region=self.resolved.place.region,
            efa=self.resolved.efa,
            devices=self.resolved.environment.cluster.gpu_devices,
            node_image=self.resolved.environment.cluster.node_image,
            cache_image=self.resolved.pins.image("vllm") if self.resolved.node_cache else None,
            prometheus=self.monitoring.operator if self.monitoring else None,
            pins=self.resolved.pins,
        )

    def _store(self) -> ModelStoreArgs:
        resolved = self.resolved
        loader = LoaderSettings(
            bucket=resolved.bucket, region=resolved.place.region, image=resolved.pins.image("vllm")
        )
        return ModelStoreArgs(
            environment=resolved.name,
            place=resolved.place,
            existing=resolved.environment.model_store.existing_bucket is not None,
            replica_regions=tuple(resolved.environment.model_store.replica_regions),
            key_arn=self.key,
            checkpoints=resolved.checkpoints,
            loader=loader,
            hugging_face_token=self.settings.hugging_face_token,
            protect=resolved.production,
        )

    def _serve(self, served: ServedWorkload) -> VllmService:
        resolved = self.resolved
        pools = self._pools(served)
        jobs = [self.store.jobs[prefix] for prefix in served.prefixes]
        reads = [statement for prefix in served.prefixes for statement in self.store.read_statements(prefix)]
        args = VllmServiceArgs(
            facts=served.facts,
            place=resolved.place,
            server=ServerSpec(
                plan=served.plan,
                image=resolved.pins.image("vllm"),
                region=resolved.place.region,
                weights_uri=served.weights_place,
                resources=served.resources,
                times=served.times,
                adapters=served.adapters,
                draft_uri=served.draft_uri,
                other_names=served.other_names,
                limits=served.limits,
                callers=resolved.callers,
                routed=served in resolved.routed,
                node_cache=resolved.node_cache,
                weight_files=resolved.weight_files,
                traces=sampling(resolved),
            ),
            read=(*reads, *served.foreign_reads(resolved.place.region)),
            depends_on=self._server_dependencies(pools, jobs),
            recycling=served.recycling(resolved.pins),
            scaler=self._scaler(served),
            scaler_needs=self.autoscaling.ready.get(served.facts.autoscaling, ()) if self.autoscaling else (),
        )
        return VllmService(naming.logical(self.name, served.name), args, self._inside)

    def _route(self, served: ServedWorkload) -> InferenceRouter:
        kind = [self.services.inference_pool] if self.services.inference_pool is not None else []
        args = router_args(self.resolved, served, self.servers[served.name], kind)
        return InferenceRouter(naming.logical(self.name, served.name, "router"), args, self._inside)

    def _server_dependencies(
        self, pools: Sequence[GpuPool], jobs: Sequence[kube.KubernetesObject]
    ) -> list[pulumi.Resource]:
        shared = [self.services.serving, self.services.priority, *self.runtime.allocators]
        groups = [self.services.lws] if self.services.lws is not None else []
        images = self.images.ready if self.images is not None else ()
        nodes = [resource for pool in pools for resource in pool.ready]
        files = [self.weight_files.claim] if self.weight_files is not None else []
        return [*shared, *groups, *images, *nodes, *files, *jobs]

    def _pools(self, served: ServedWorkload) -> tuple[GpuPool, ...]:
        """The workload's nodes, and an empty second pool where it wants one."""
        standby = [True] if served.second is not None else []
        site = PoolSite(network=self.network, cluster=self.cluster, karpenter=self.karpenter)
        options = self._inside if self.karpenter is not None else self._options(self.aws)
        return tuple(
            GpuPool(
                pool_name(self.name, served, standby=second),
                pool_args(self.resolved, served, site, standby=second),
                options,
            )
            for second in (False, *standby)
        )

    def _enter(self) -> None:
        resolved, gateway = self.resolved, self.resolved.environment.gateway
        if gateway is None:
            return
        site = GatewaySite(
            settings=self.settings,
            network=self.network,
            client_security_group_id=self.cluster.security_group_id,
            key_arn=self.key,
            urls={name: one.url for name, one in (self.servers | self.routers).items()},
            routers=[router.proxy for router in self.routers.values()],
        )
        args = gateway_args(resolved, gateway, site)
        self.gateway = Gateway(naming.logical(self.name, "gateway"), args, self._inside)
        routes = alert_routes(resolved)
        if self.gateway.certificate_arn is not None and routes.topic_arn is not None:
            certificate_alarm(self.gateway, self.gateway.certificate_arn, routes)
