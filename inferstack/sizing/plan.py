"""Plans: one workload, or all of an environment with the zones its network spans."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Final

from inferstack.catalog.load import Catalog
from inferstack.errors import BlockedError, InputError, Problem
from inferstack.sizing.ask import Ask, Place, ask, place_of
from inferstack.sizing.candidates import candidate, spare_host
from inferstack.sizing.decide import Decision, decide
from inferstack.sizing.load_time import load_time
from inferstack.sizing.lustre import lustre_gb_per_s
from inferstack.sizing.memory import checkpoint_gib
from inferstack.sizing.network import parameter_count
from inferstack.sizing.notes import licence_name, notes, warnings
from inferstack.sizing.parsers import hf_overrides, parsers_of
from inferstack.sizing.query import Objective
from inferstack.sizing.redundancy import required_survival
from inferstack.sizing.scaling import most_waiting, scale_targets
from inferstack.sizing.types import Candidate, EnvironmentPlan, LoadTime, ScaleTargets, WorkloadPlan
from inferstack.sizing.vllm_args import LaunchFacts, vllm_arguments
from inferstack.sizing.zones import network_zones
from inferstack.spec.environment import Environment
from inferstack.spec.load import LoadedEnvironment
from inferstack.spec.workload import Workload

_BILLION: Final = 1e9


def plan_workload(
    workload: Workload,
    environment: Environment | None,
    catalog: Catalog,
    *,
    region: str | None = None,
    objective: Objective = "cost",
    zones: tuple[str, ...] = (),
) -> WorkloadPlan:
    """The cheapest way to serve ``workload`` that meets its levels at peak.

    In an environment its region is fixed; without one, every region that the residency allows competes.
    ``region`` narrows that to one, ``zones`` to some of its zone ids. InputError for a spec that cannot be
    planned, BlockedError when nothing meets the levels.
    """
    where = place_of(workload, environment, catalog, region)
    if zones:
        where = Place(regions=where.regions, zones=where.zones or zones)
    asked = ask(workload, where, catalog, objective)
    decision = decide(asked.query, workload.name)
    return _plan(asked, decision, catalog, _file_system(environment))


def plan_environment(
    loaded: LoadedEnvironment, catalog: Catalog, *, objective: Objective = "cost"
) -> EnvironmentPlan:
    """All workloads of an environment, and the zones of its network.

    Each workload is planned by itself; the zones are then chosen so that the GPUs of all are sold in as many
    of them as possible, and the plans are made again within these zones.
    """
    environment = loaded.environment
    first = _plans(loaded, catalog, objective, ())
    zones = network_zones(environment, [plan.chosen for plan in first], catalog)
    plans = _plans(loaded, catalog, objective, zones)
    return EnvironmentPlan(
        environment=environment.name, region=environment.cloud.region, zones=zones, workloads=plans
    )


def _plans(
    loaded: LoadedEnvironment, catalog: Catalog, objective: Objective, zones: tuple[str, ...]
) -> tuple[WorkloadPlan, ...]:
    """A plan for every workload; one error that names all that cannot be planned."""
    plans: list[WorkloadPlan] = []
    blocked: list[str] = []
    problems: list[Problem] = []
    for workload in loaded.workloads:
        try:
            plan = plan_workload(workload, loaded.environment, catalog, objective=objective, zones=zones)
        except BlockedError as error:
            blocked.append(str(error))
        except InputError as error:
            problems += [_of(workload, problem) for problem in error.problems]
        else:
            plans.append(plan)
    if problems:
        raise InputError(*problems)
    if blocked:
        raise BlockedError("\n".join(blocked))
    return tuple(plans)


def _of(workload: Workload, problem: Problem) -> Problem:
    return dataclasses.replace(problem, file=problem.file or workload.name)


def _file_system(environment: Environment | None) -> float | None:
    """GB/s of the file system that weights are read from; None: they are streamed from the bucket."""
    files = environment is not None and environment.model_store.file_system == "fsx-lustre"
    return lustre_gb_per_s() if files else None


def _plan(
    asked: Ask, decision: Decision, catalog: Catalog, file_system_gb_per_s: float | None
) -> WorkloadPlan:
    workload, query, subject = asked.workload, asked.query, asked.query.subject
    model = subject.model
    chosen = candidate(decision.chosen, query, asked.rollouts)
    spare = spare_host(decision.chosen, query)
    least, most = _replica_bounds(asked, chosen)
    scale = scale_targets(decision.chosen, query.demand, min_replicas=least)
    return WorkloadPlan(
        workload=workload.name,
        model_id=subject.id,
        revision=workload.model.revision or (model.revision if model is not None else None),
        task=asked.task,
        served_model_name=workload.name,
        licence=licence_name(asked, catalog),
        developer_country=model.developer_country if model is not None else None,
        params_b=_params_b(asked),
        chosen=chosen,
        vllm_args=vllm_arguments(decision.chosen, query.demand, _launch(asked, scale)),
        peak_requests_per_second=query.demand.peak_requests_per_second,
        requests_per_day=query.demand.requests_per_day,
        input_tokens=query.demand.input_tokens,
        output_tokens=query.demand.output_tokens,
        slo_ttft_p95_ms=query.demand.targets.ttft_ms,
        slo_itl_p95_ms=query.demand.targets.itl_ms,
        slo_e2e_p95_ms=query.demand.targets.e2e_ms,
        slo_availability=asked.levels.availability,
        min_replicas=least,
        max_replicas=most,
        scale=scale,
        load_time=_load_time(decision, file_system_gb_per_s),
        weights_gib=checkpoint_gib(decision.chosen.option.deployment, chosen.fit.weights_gib_per_gpu),
        alternatives=tuple(candidate(entry, query, asked.rollouts) for entry in decision.alternatives),
        rejections=decision.rejections,
        notes=notes(asked, decision, chosen, catalog),
        warnings=warnings(asked, decision, chosen),
        second_choice=(
            None
            if spare is None
            else candidate(replace(decision.chosen, placed=spare), query, asked.rollouts)
        ),
    )


def _replica_bounds(asked: Ask, chosen: Candidate) -> tuple[int, int]:
    """Bounds of the autoscaler: as stated; else two replicas where one may fail, and one above the peak."""
    stated = asked.workload.capacity.replicas
    redundant = required_survival(asked.levels.availability) != "nothing"
    least = stated.min if stated.min is not None else (2 if redundant else 1)
    most = stated.max if stated.max is not None else chosen.replicas + 1
    return min(least, chosen.replicas), max(most, chosen.replicas)


def _params_b(asked: Ask) -> float:
    model = asked.query.subject.model
    if model is not None and model.total_params_b is not None:
        return model.total_params_b
    return round(parameter_count(asked.query.subject.architecture) / _BILLION, 2)


def _launch(asked: Ask, scale: ScaleTargets) -> LaunchFacts:
    workload, serving = asked.workload, asked.workload.serving
    adapters = workload.model.adapters
    ranks = [adapter.rank for adapter in adapters if adapter.rank is not None]
    parsers = parsers_of(asked.query.subject, serving)
    return LaunchFacts(
        task=asked.task,
        tool_call_parser=parsers.tool_call,
        reasoning_parser=parsers.reasoning,
        hf_overrides=hf_overrides(asked.query.subject.family),
        structured_outputs=serving.structured_outputs,
        speculative=serving.speculative,
        most_waiting=serving.max_queued_requests or most_waiting(scale),
        adapters=len(adapters),
        adapter_rank=max(ranks) if ranks else None,
        extra=tuple(serving.vllm.items()),
    )


def _load_time(decision: Decision, file_system_gb_per_s: float | None) -> LoadTime:
    option, slot = decision.chosen.option, decision.chosen.placed.slot
    weights_gib = option.fit.weights_gib_per_gpu * option.cut.gpus_per_node
    if option.cut.dp > 1:  # every node reads all of it once and hands it on to its GPUs
        weights_gib = checkpoint_gib(option.deployment, option.fit.weights_gib_per_gpu)
    return load_time(
        slot.host.instance,
        option.fit,
        weights_gib=weights_gib,
        gpus_per_node=option.cut.gpus_per_node,
        replicas_per_node=slot.per_unit,
        eager=option.deployment.enforce_eager,
        file_system_gb_per_s=file_system_gb_per_s,
    )
