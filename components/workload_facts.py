"""Facts of a workload from its spec and its plan."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from components.facts import decimal
from components.served_facts import (
    AdapterFacts,
    DataFacts,
    FallbackFacts,
    SloFacts,
    UsageFacts,
    WorkloadFacts,
)
from inferstack.facts import may_leave
from inferstack.spec.derive import autoscaling_of

if TYPE_CHECKING:
    from components.pins import Image
    from inferstack.catalog.types import Model
    from inferstack.sizing.types import WorkloadPlan
    from inferstack.spec.environment import Environment
    from inferstack.spec.workload import Workload


@dataclass(frozen=True, kw_only=True)
class Served:
    """One workload with everything that is known about it before it runs."""

    workload: Workload
    plan: WorkloadPlan
    model: Model | None
    """Of the catalog; None for a model the spec brings itself."""
    environment: Environment
    image: Image
    weights_uri: str

    @property
    def revision(self) -> str | None:
        """Of the weights that are loaded: the plan's revision is the model's, not a re-release's."""
        return self.plan.revision if self.plan.chosen.checkpoint == self.plan.model_id else None

    @property
    def residency(self) -> tuple[str, ...]:
        """Where this workload's data may be; what it does not state, the environment does."""
        return tuple(self.workload.data.residency or self.environment.data.residency)


def fallback_facts(served: Served) -> tuple[FallbackFacts, ...]:
    workload, region = served.workload, served.environment.cloud.region
    return tuple(
        FallbackFacts(
            provider=item.provider,
            model=item.model,
            region=item.region or (region if item.provider in {"bedrock", "sagemaker"} else None),
            endpoint=item.endpoint,
            max_classification=item.max_classification,
            reasons=tuple(item.on),
            enabled=may_leave(workload.data.classification, item.max_classification),
            share=decimal(item.share),
            after_s=max(1, round(item.after.total_seconds())) if item.after is not None else None,
        )
        for item in workload.fallback
    )


def workload_facts(served: Served) -> WorkloadFacts:
    workload, plan, chosen = served.workload, served.plan, served.plan.chosen
    return WorkloadFacts(
        environment=served.environment.name,
        workload=workload.name,
        region=chosen.region,
        owner=workload.owner,
        cost_centre=workload.cost_centre,
        budget_monthly_usd=workload.budget.monthly_usd if workload.budget else None,
        model=plan.model_id,
        checkpoint=chosen.checkpoint,
        revision=served.revision,
        licence=plan.licence,
        developer_country=plan.developer_country,
        gated=served.model.gated if served.model else None,
        task=plan.task,
        params_b=decimal(plan.params_b) or Decimal(0),
        quantization=chosen.quantization,
        kv_cache_dtype=chosen.kv_cache_dtype,
        weights_uri=served.weights_uri,
        adapters=_adapters(workload),
        usage=_usage(workload),
        data=DataFacts(
            classification=workload.data.classification,
            residency=served.residency,
            regulations=tuple(workload.data.regulations),
        ),
        fallback=fallback_facts(served),
        slo=_slo(plan),
        purchase=chosen.purchase,
        instance_type=chosen.instance_type,
        tensor_parallel=chosen.tp,
        pipeline_parallel=chosen.pp,
        data_parallel=chosen.dp,
        nodes_per_replica=chosen.nodes_per_replica,
        replicas=chosen.replicas,
        replicas_serving=chosen.replicas_serving,
        min_replicas=plan.min_replicas,
        max_replicas=plan.max_replicas,
        surge_replicas=chosen.surge_replicas,
        autoscaling=autoscaling(served),
        survives_zone_loss=chosen.survives_zone_loss,
        requests_per_day=decimal(plan.requests_per_day) or Decimal(0),
        peak_requests_per_second=decimal(plan.peak_requests_per_second) or Decimal(0),
        input_tokens=decimal(plan.input_tokens) or Decimal(0),
        output_tokens=decimal(plan.output_tokens) or Decimal(0),
        usd_per_month=chosen.usd_per_month,
        cold_start_s=round(plan.load_time.total_s),
        image=served.image.reference,
        image_digest=served.image.digest,
        vllm_version=served.image.version,
    )


def _adapters(workload: Workload) -> tuple[AdapterFacts, ...]:
    """Weights beside the model's own: adapters, and the second model of speculative decoding."""
    speculative = workload.serving.speculative
    draft = speculative.draft if speculative is not None else None
    drafts = (AdapterFacts(name="draft", source=draft),) if draft is not None else ()
    adapters = (AdapterFacts(name=item.name, source=item.source) for item in workload.model.adapters)
    return (*adapters, *drafts)


def autoscaling(served: Served) -> str:
    """Who sets the replicas; nobody where the plan leaves nothing to set."""
    if served.plan.min_replicas == served.plan.max_replicas:
        return "none"
    return autoscaling_of(served.workload, served.environment)


def _usage(workload: Workload) -> UsageFacts:
    usage = workload.usage
    return UsageFacts(
        commercial=usage.commercial,
        monthly_active_users=usage.monthly_active_users,
        annual_revenue_usd=usage.annual_revenue_usd,
        trains_other_models=usage.trains_other_models,
        redistributes=usage.redistributes,
        eu_users=usage.eu_users,
        company_domicile=usage.company_domicile,
    )


def _slo(plan: WorkloadPlan) -> SloFacts:
    """The levels planned for: the spec's, or the task's defaults."""
    return SloFacts(
        availability=decimal(plan.slo_availability),
        ttft_p95_ms=decimal(plan.slo_ttft_p95_ms),
        itl_p95_ms=decimal(plan.slo_itl_p95_ms),
        e2e_p95_ms=decimal(plan.slo_e2e_p95_ms),
    )


def whole_days(duration: dt.timedelta) -> int:
    """At least one."""
    return max(1, round(duration / dt.timedelta(days=1)))
