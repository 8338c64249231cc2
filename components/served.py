"""One workload, ready to be built: its nodes' type, its weights, its pod's size and times, its facts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from components import arns, iam
from components.lifecycle import Lifecycle, lifecycle
from components.loader import Checkpoint
from components.node_template import efa_count
from components.pins import Pins
from components.pod_resources import PodResources, pod_resources
from components.recycling import Recycling
from components.routes import Backend
from components.served_facts import WorkloadFacts
from components.vllm_args import POOLING_TASKS, Adapter
from components.watch import Watched
from components.weight_files import MOUNT
from components.workload_facts import Served, workload_facts
from inferstack.errors import InputError, Problem
from inferstack.sizing.spare_types import interchangeable_types
from inferstack.spec.defaults import AVAILABILITY
from inferstack.spec.derive import limits_of

if TYPE_CHECKING:
    from inferstack.catalog.load import Catalog
    from inferstack.catalog.types import InstanceType, Model
    from inferstack.sizing.types import Candidate, WorkloadPlan
    from inferstack.spec.derive import Limits
    from inferstack.spec.environment import Environment
    from inferstack.spec.workload import Workload

DRAFT = "_draft"
"""No adapter can have this name."""
DRAFT_GIB = 16.0
"""A generous second model; only bounds the loader's time."""
ADAPTER_GIB = 2.0
"""A generous LoRA adapter; only bounds the loader's time."""


@dataclass(frozen=True, kw_only=True)
class ServedWorkload:
    """One workload, ready to be built."""

    workload: Workload
    plan: WorkloadPlan
    instance: InstanceType
    second: InstanceType | None
    """Of a second pool, for when AWS has no capacity of the first type."""
    stand_ins: tuple[str, ...]
    """Types that hold the same pods, for spot."""
    zones: tuple[str, ...]
    """Zones of the VPC that sell the instance type."""
    facts: WorkloadFacts
    resources: PodResources
    times: Lifecycle
    checkpoint: Checkpoint
    weight_files: bool
    hub_adapters: tuple[Checkpoint, ...]
    adapters: tuple[Adapter, ...]
    draft_uri: str | None = None
    """Of the second model of speculative decoding, in the bucket or in one of the user's own."""

    @property
    def name(self) -> str:
        return self.workload.name

    @property
    def weights_place(self) -> str:
        """Where its pods find the weights: a path of the file system, or the place in the bucket."""
        return f"{MOUNT}/{self.checkpoint.prefix}" if self.weight_files else self.facts.weights_uri

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Places in the weights bucket this workload reads."""
        return (self.checkpoint.prefix, *(item.prefix for item in self.hub_adapters))

    @property
    def other_names(self) -> tuple[str, ...]:
        """Names beside its own that callers reach it by: of versions it replaces, or did."""
        replaces = self.workload.rollout.replaces
        return (*self.workload.answers_to, *((replaces,) if replaces is not None else ()))

    @property
    def scaler_kind(self) -> Literal["keda", "hpa"] | None:
        """Who sets the number of replicas; None: nobody, it is the plan's."""
        kinds: dict[str, Literal["keda", "hpa"]] = {"keda": "keda", "hpa": "hpa"}
        return kinds.get(self.facts.autoscaling)

    @property
    def generative(self) -> bool:
        return self.plan.task not in POOLING_TASKS

    @property
    def several(self) -> bool:
        """There can be two replicas to choose from."""
        return max(self.plan.chosen.replicas, self.plan.max_replicas) > 1

    def recycling(self, pins: Pins) -> Recycling | None:
        """InputError for groups of nodes: a rollout restart does not know them."""
        every = self.workload.serving.recycle_every
        if every is None:
            return None
        if self.plan.chosen.nodes_per_replica > 1:
            where = f"workloads.{self.name}.serving.recycleEvery"
            message = "a replica that spans nodes cannot be recycled on a schedule"
            raise InputError(Problem(message=message, path=where, accepted="leave it out"))
        return Recycling(every=every, image=pins.image("kubectl"))

    def foreign_reads(self, region: str) -> tuple[iam.Statement, ...]:
        """Rights on adapters in buckets of the user's own."""
        own = {adapter.prefix for adapter in self.hub_adapters}
        found = []
        draft = (self.draft_uri,) if self.draft_uri is not None else ()
        for uri in (*(adapter.uri for adapter in self.adapters), *draft):
            bucket, _, prefix = uri.removeprefix("s3://").partition("/")
            if prefix in own:
                continue
            arn, listed = arns.bucket(region, bucket), {"StringLike": {"s3:prefix": f"{prefix}/*"}}
            found.append(iam.Statement(actions=("s3:GetObject",), resources=(f"{arn}/{prefix}/*",)))
            found.append(iam.Statement(actions=("s3:ListBucket",), resources=(arn,), condition=listed))
        return tuple(found)

    def watched(self, *, behind_gateway: bool, routed: bool = False) -> Watched:
        chosen = self.plan.chosen
        return Watched(
            facts=self.facts,
            served_model_name=self.plan.served_model_name,
            nodes=chosen.nodes,
            usd_per_hour=chosen.usd_per_hour,
            planned_usd_per_million_tokens=chosen.usd_per_million_tokens,
            behind_gateway=behind_gateway,
            routed=routed,
            answers_to=self.workload.answers_to,
            takes_over=self.limits if self.workload.rollout.replaces is not None else None,
        )

    @property
    def limits(self) -> Limits:
        """What sends a new version back, with the service levels planned for."""
        plan = self.plan
        return limits_of(
            self.workload.rollout,
            availability=plan.slo_availability if plan.slo_availability is not None else AVAILABILITY,
            ttft_p95_ms=plan.slo_ttft_p95_ms,
            itl_p95_ms=plan.slo_itl_p95_ms,
        )

    def backend(self, url: str) -> Backend:
        return Backend(
            workload=self.name,
            served_model_name=self.plan.served_model_name,
            task=self.plan.task,
            url=url,
            classification=self.facts.data.classification,
            region=self.facts.region,
            fallbacks=self.facts.fallback,
            replaces=self.workload.rollout.replaces,
            traffic_percent=self.workload.rollout.traffic,
            answers_to=self.workload.answers_to,
            usd_per_million_tokens=self.plan.chosen.usd_per_million_tokens,
        )


@dataclass(frozen=True, kw_only=True)
class ServingContext:
    """What all workloads of an environment share."""

    environment: Environment
    catalog: Catalog
    zones: tuple[str, ...]
    bucket: str
    pins: Pins


def served_workload(workload: Workload, plan: WorkloadPlan, context: ServingContext) -> ServedWorkload:
    chosen = plan.chosen
    instance, model = context.catalog.instance(chosen.instance_type), _model(plan.model_id, context.catalog)
    served = Served(
        workload=workload,
        plan=plan,
        model=model,
        environment=context.environment,
        image=context.pins.image("vllm"),
        weights_uri="",
    )
    checkpoint = Checkpoint(
        repository=chosen.checkpoint,
        revision=served.revision,
        # whether a re-release asks for a token is not known; most do not
        gated=bool(model and model.gated and chosen.checkpoint == plan.model_id),
        weights_gib=plan.weights_gib,
    )
    uri = f"s3://{context.bucket}/{checkpoint.prefix}"
    facts = workload_facts(
        Served(
            workload=workload,
            plan=plan,
            model=model,
            environment=context.environment,
            image=served.image,
            weights_uri=uri,
        )
    )
    hub = _hub_adapters(workload)
    second = _second(workload, plan, context)
    return ServedWorkload(
        workload=workload,
        plan=plan,
        instance=instance,
        second=second,
        stand_ins=_stand_ins(plan, instance, context),
        zones=pool_zones(chosen, context.zones),
        facts=facts,
        resources=replace(
            _resources(plan, instance, second), claimed=context.environment.cluster.gpu_devices == "dra"
        ),
        times=lifecycle(plan),
        checkpoint=checkpoint,
        weight_files=context.environment.model_store.file_system != "none",
        hub_adapters=tuple(hub.values()),
        draft_uri=_draft_uri(workload, context.bucket),
        adapters=tuple(
            Adapter(
                name=item.name,
                uri=f"s3://{context.bucket}/{hub[item.name].prefix}"
                if item.name in hub
                else item.source.rstrip("/"),
            )
            for item in workload.model.adapters
        ),
    )


def pool_zones(candidate: Candidate, zones: tuple[str, ...]) -> tuple[str, ...]:
    """Zones of the VPC that sell a candidate's type, in the VPC's order."""
    return tuple(zone for zone in zones if zone in candidate.zones)


def _stand_ins(plan: WorkloadPlan, instance: InstanceType, context: ServingContext) -> tuple[str, ...]:
    if plan.chosen.purchase != "spot":
        return ()
    zones = pool_zones(plan.chosen, context.zones)
    found = interchangeable_types(instance, context.catalog, region=plan.chosen.region, zones=zones)
    return tuple(other.id for other in found)


def _second(workload: Workload, plan: WorkloadPlan, context: ServingContext) -> InstanceType | None:
    """The type of the second pool; InputError where one is asked for and cannot be had."""
    if not workload.capacity.second_choice_pool:
        return None
    where, choice = f"workloads.{workload.name}.capacity.secondChoicePool", plan.second_choice
    if plan.chosen.nodes_per_replica > 1:
        message = "a replica that spans nodes has no second pool: its nodes share one placement group"
        raise InputError(Problem(message=message, path=where, accepted="leave it out"))
    if choice is None or not pool_zones(choice, context.zones):
        message = "no other instance type in these zones runs the same engine"
        raise InputError(Problem(message=message, path=where, accepted="leave it out, or allow more types"))
    return context.catalog.instance(choice.instance_type)


def _resources(plan: WorkloadPlan, instance: InstanceType, second: InstanceType | None) -> PodResources:
    """What fits the planned node, and the second choice's too where there is one."""
    interfaces = efa_count(instance) if plan.chosen.nodes_per_replica > 1 else 0
    first = pod_resources(instance, plan.chosen, efa_interfaces=interfaces)
    if second is None or plan.second_choice is None:
        return first
    return first.within(pod_resources(second, plan.second_choice))


def _draft_uri(workload: Workload, bucket: str) -> str | None:
    asked = workload.serving.speculative
    if asked is None or asked.draft is None:
        return None
    source = asked.draft.rstrip("/")
    return source if source.startswith("s3://") else f"s3://{bucket}/{_draft(source).prefix}"


def _draft(source: str) -> Checkpoint:
    return Checkpoint(repository=source, revision=None, gated=False, weights_gib=DRAFT_GIB)


def _hub_adapters(workload: Workload) -> dict[str, Checkpoint]:
    """Adapters and a draft model that must first be copied from the Hub, by name."""
    speculative = workload.serving.speculative
    draft = speculative.draft if speculative is not None else None
    drafts = {DRAFT: _draft(draft)} if draft is not None and not draft.startswith("s3://") else {}
    return drafts | {
        item.name: Checkpoint(repository=item.source, revision=None, gated=False, weights_gib=ADAPTER_GIB)
        for item in workload.model.adapters
        if not item.source.startswith("s3://")
    }


def _model(model_id: str, catalog: Catalog) -> Model | None:
    """The catalog's entry; a model of the user's own has none."""
    try:
        return catalog.model(model_id)
    except InputError:
        return None
