"""From a workload's spec to what the search is asked: demand, settings, terms, market."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from inferstack.catalog.load import Catalog
from inferstack.errors import InputError, Problem
from inferstack.sizing.candidates import Rollouts
from inferstack.sizing.demand import Demand, Targets
from inferstack.sizing.extras import adapters_of, asked_ranks, extra_assumptions, speculation_of
from inferstack.sizing.market import Market, MarketQuery, market
from inferstack.sizing.options import Settings
from inferstack.sizing.query import Objective, Query
from inferstack.sizing.redundancy import required_survival
from inferstack.sizing.slots import Terms
from inferstack.sizing.subject import Subject, subject
from inferstack.sizing.vllm_args import ENCODER_TASKS
from inferstack.spec.defaults import Task
from inferstack.spec.derive import ResolvedLevels, ResolvedTraffic, levels_of, task_of, traffic_of
from inferstack.spec.environment import Environment
from inferstack.spec.workload import Workload

_LEAST_CONTEXT: Final = 4096
_ROOM_OVER_P95: Final = 1.5
"""Without maxContext: room for requests half as long again as the 95th percentile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a workload may be planned."""

    regions: tuple[str, ...]
    zones: tuple[str, ...] = ()
    """Zone ids; empty: any that EKS can use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A workload, ready to be searched for."""

    workload: Workload
    task: Task
    query: Query
    rollouts: Rollouts
    levels: ResolvedLevels
    assumptions: tuple[str, ...]
    """Defaults that decided something, in words."""


def place_of(
    workload: Workload, environment: Environment | None, catalog: Catalog, region: str | None = None
) -> Place:
    """The environment's region, or every region that the residency allows; ``region`` narrows it to one.

    InputError when the residency excludes it.
    """
    allowed = _allowed_regions(workload, environment, catalog)
    zones = workload.capacity.zones
    if environment is not None and region is None:
        region = environment.cloud.region
        zones = zones or environment.zone_ids
    if region is None:
        return Place(regions=allowed, zones=zones)
    if catalog.region(region).id in allowed:
        return Place(regions=(region,), zones=zones)
    raise InputError(
        Problem(
            path="data.residency",
            message=f"{region} is outside the residency that {workload.name} asks for",
            value=region,
            accepted=", ".join(allowed) or "no region satisfies it",
        )
    )


def _allowed_regions(
    workload: Workload, environment: Environment | None, catalog: Catalog
) -> tuple[str, ...]:
    asked = [workload.data.residency, environment.data.residency if environment is not None else ()]
    allowed = [region.id for region in catalog.regions() if region.partition == "aws"]
    for residency in filter(None, asked):
        inside = {region.id for region in catalog.regions_for(residency)}
        allowed = [name for name in allowed if name in inside]
    return tuple(sorted(allowed))


def ask(workload: Workload, where: Place, catalog: Catalog, objective: Objective = "cost") -> Ask:
    """Everything the search needs, defaults filled in. InputError for a model that cannot be served."""
    model = workload.model
    served = subject(catalog, model.id, model.hf_config, model.quantization)
    task = task_of(workload, served.model.task if served.model is not None else None)
    traffic, levels = traffic_of(workload, task), levels_of(workload, task)
    demand = _demand(traffic, levels, generates=task not in ENCODER_TASKS)
    context, context_notes = _context(workload, served, demand)
    replicas = workload.capacity.replicas
    settings = _settings(workload, served, task, context)
    query = Query(
        subject=served,
        demand=demand,
        market=_market(workload, where, catalog),
        settings=settings,
        terms=Terms(
            survives=required_survival(levels.availability),
            min_replicas=max(replicas.min or 1, 1),
            max_replicas=replicas.max,
        ),
        objective=objective,
        budget_usd_per_month=None if workload.budget is None else workload.budget.monthly_usd,
    )
    return Ask(
        workload=workload,
        task=task,
        query=query,
        rollouts=Rollouts(
            strategy=workload.rollout.strategy, surge=workload.capacity.surge, max_replicas=replicas.max
        ),
        levels=levels,
        assumptions=(
            *traffic.assumptions,
            *levels.assumptions,
            *context_notes,
            *extra_assumptions(workload, settings.speculation, settings.adapters),
        ),
    )


def _demand(traffic: ResolvedTraffic, levels: ResolvedLevels, *, generates: bool) -> Demand:
    """Embedding and reranking answer without generating: no output tokens, whatever the spec says."""
    return Demand(
        peak_requests_per_second=traffic.peak_requests_per_second,
        requests_per_day=traffic.requests_per_day,
        input_tokens=traffic.input_tokens,
        input_tokens_p95=traffic.input_tokens_p95,
        output_tokens=traffic.output_tokens if generates else 0.0,
        output_tokens_p95=traffic.output_tokens_p95 if generates else 0.0,
        shared_prefix=traffic.shared_prefix,
        concurrency=traffic.concurrency,
        targets=Targets(ttft_ms=levels.ttft_p95_ms, itl_ms=levels.itl_p95_ms, e2e_ms=levels.e2e_p95_ms),
    )


def _context(workload: Workload, served: Subject, demand: Demand) -> tuple[int, tuple[str, ...]]:
    """Longest request in tokens: as stated, else a power of two with room over the 95th percentile."""
    longest, stated = served.max_context, workload.model.max_context
    if stated is not None:
        if longest is not None and stated > longest:
            raise InputError(
                Problem(
                    path="model.maxContext",
                    message=f"{served.id} takes at most {longest:,} tokens",
                    value=str(stated),
                    accepted=f"up to {longest}",
                )
            )
        return stated, ()
    wanted = max(_LEAST_CONTEXT, demand.long_request_tokens * _ROOM_OVER_P95)
    context = 2 ** math.ceil(math.log2(wanted))
    context = context if longest is None else min(context, longest)
    return context, (f"maxContext {context:,} (room over the 95th percentile)",)


def _settings(workload: Workload, served: Subject, task: Task, max_model_len: int) -> Settings:
    """Engine settings; what ``serving.vllm`` says about memory is planned with, not only passed on."""
    extra = workload.serving.vllm

    def number(name: str) -> int | None:
        value = extra.get(name)
        return None if value is None else int(_number(name, value))

    utilization = extra.get("gpu-memory-utilization")
    kv_dtype = extra.get("kv-cache-dtype")
    return Settings(
        max_model_len=max_model_len,
        kv_cache_dtype=None if kv_dtype in {None, "auto"} else str(kv_dtype),
        gpu_memory_utilization=(
            None if utilization is None else _number("gpu-memory-utilization", utilization)
        ),
        max_num_seqs=number("max-num-seqs"),
        max_num_batched_tokens=number("max-num-batched-tokens"),
        enforce_eager=extra.get("enforce-eager") is True,
        expert_parallel=extra.get("enable-expert-parallel") is True,
        data_parallel=asked_ranks(workload, served.id, served.architecture),
        prefix_caching=extra.get("enable-prefix-caching") is not False,
        speculation=speculation_of(workload, task),
        adapters=adapters_of(workload),
    )


def _number(name: str, value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    raise InputError(Problem(path=f"serving.vllm.{name}", message="not a positive number", value=str(value)))


def _market(workload: Workload, where: Place, catalog: Catalog) -> Market:
    capacity = workload.capacity
    return market(
        catalog,
        MarketQuery(
            regions=where.regions,
            zones=tuple(sorted(where.zones)),
            purchases=tuple(capacity.purchase),
            allow=tuple(sorted(capacity.allow_instance_types)),
            deny=tuple(sorted(capacity.deny_instance_types)),
        ),
    )
