"""What a reader must know beside the numbers: duties of the licence, quotas, quality, prediction quality."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from inferstack.catalog.load import Catalog
from inferstack.catalog.types import InstanceType, Licence
from inferstack.errors import InputError
from inferstack.facts import may_leave
from inferstack.sizing.ask import Ask
from inferstack.sizing.candidates import spare_host
from inferstack.sizing.decide import Decision
from inferstack.sizing.demand import milliseconds
from inferstack.sizing.memory import checkpoint_gib, fit
from inferstack.sizing.parallelism import cut_text
from inferstack.sizing.query import Feasible, monthly
from inferstack.sizing.rules import PLACEMENT_RULES, PlacementCase, judge
from inferstack.sizing.types import Candidate
from inferstack.units import usd

_QUOTA_NAMES: Final = {
    "L-DB2E81BA": "Running On-Demand G and VT instances",
    "L-3819A6DF": "All G and VT Spot Instance Requests",
    "L-417A185B": "Running On-Demand P instances",
    "L-7212CCBC": "All P4, P3 and P2 Spot Instance Requests",
    "L-C4BD4855": "All P5 Spot Instance Requests",
}
_SPOT_AVAILABILITY: Final = 0.99
NODES_PER_GROUP: Final = 450
GROUPS_PER_CLUSTER: Final = 30
"""Default quotas of managed node groups, both adjustable: EKS user guide, service quotas, read 2026-11-20."""


def notes(ask: Ask, decision: Decision, chosen: Candidate, catalog: Catalog) -> tuple[str, ...]:
    """Facts and duties, the most binding first."""
    subject = ask.query.subject
    found = [
        *_resolved(subject.note),
        *_licence(ask, catalog),
        _quota(chosen, catalog.instance(chosen.instance_type)),
        *_quality(ask, decision),
        *_committed(ask),
        *_idle_fallbacks(ask),
        *_no_capacity(ask, decision),
        *_ranks(ask, decision.chosen),
        *(f"assumed: {assumption}" for assumption in ask.assumptions),
    ]
    return tuple(found)


def warnings(ask: Ask, decision: Decision, chosen: Candidate) -> tuple[str, ...]:
    """What may go wrong with the chosen plan."""
    return (
        *decision.chosen.option.warnings,
        *_placement(decision.chosen),
        *_several_nodes(chosen),
        *_spot(ask, chosen),
        *_reserved(chosen),
        *_many_nodes(chosen),
        *_uncertain(decision.chosen),
        *_rollout(chosen),
        *_speculative(ask),
        *_budget(ask, decision),
    )


def _speculative(ask: Ask) -> list[str]:
    asked = ask.workload.serving.speculative
    if asked is None or ask.query.settings.speculation is not None:
        return []
    return [
        f"speculative decoding is not planned with, neither its gain nor its second model's memory: "
        f"{asked.draft} is outside the catalog"
    ]


def _resolved(note: str | None) -> list[str]:
    return [note] if note else []


# --- licence ---


def _licence(ask: Ask, catalog: Catalog) -> list[str]:
    model = ask.query.subject.model
    if model is None:
        return ["licence not known: the model is outside the catalog"]
    licence = catalog.licence(model.licence)
    duties = [*_display(licence), *_users(licence, ask), *_use(licence)]
    return [f"{licence.name}: {'; '.join(duties)}"] if duties else []


def _display(licence: Licence) -> list[str]:
    if licence.display_required is None:
        return []
    text = licence.display_required
    return [f'show "{text}"' if text.startswith("Built with") and "(" not in text else f"display: {text}"]


def _users(licence: Licence, ask: Ask) -> list[str]:
    if licence.mau_cap is None:
        return []
    cap = _people(licence.mau_cap)
    yours = ask.workload.usage.monthly_active_users
    seen = "not stated" if yours is None else _people(yours)
    test = licence.mau_cap_test or ""
    what = "display duty" if "display" in test else "permission needed"
    return [f"{what} above {cap} users a month (you: {seen})"]


def _use(licence: Licence) -> list[str]:
    found = []
    if licence.commercial_use == "no":
        found.append("no commercial use without a separate licence")
    if licence.revenue_cap_usd is not None:
        period = licence.revenue_cap_period or "a year"
        found.append(f"terms change above {usd(licence.revenue_cap_usd, cents=False)} revenue ({period})")
    if licence.geo_exclusion is not None:
        found.append(f"not for {', '.join(licence.geo_exclusion.regions)}: {licence.geo_exclusion.who}")
    return found


def _people(count: int) -> str:
    for size, unit in ((1_000_000_000, "bn"), (1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{Decimal(count) / size:g} {unit}" if count % size else f"{count // size:,} {unit}"
    return str(count)


# --- capacity ---


def _quota(chosen: Candidate, instance: InstanceType) -> str:
    code = instance.quota_spot if chosen.purchase == "spot" else instance.quota_on_demand
    code = code if code in _QUOTA_NAMES else None
    name = f'quota "{_QUOTA_NAMES[code]}" ({code})' if code else "the instance family's vCPU quota"
    surge = -(-chosen.surge_replicas // chosen.replicas_per_node) * chosen.nodes_per_replica
    vcpus = (chosen.nodes + surge) * instance.vcpus
    rollout = f", of it {surge * instance.vcpus} during a rollout" if surge else ""
    return f"{name} needs {vcpus:,} vCPU in {chosen.region}{rollout}"


def _reserved(chosen: Candidate) -> list[str]:
    if chosen.purchase not in {"capacity-block", "capacity-reservation"}:
        return []
    return [f"a {chosen.purchase} holds in one zone: name it in capacity.zones, and watch its end date"]


def _many_nodes(chosen: Candidate) -> list[str]:
    """Each workload has a node group of its own."""
    if chosen.nodes <= NODES_PER_GROUP:
        return []
    quota = f'quota "Nodes per managed node group" is {NODES_PER_GROUP} by default'
    return [f"{chosen.nodes:,} nodes in one node group: the EKS {quota}, have it raised first"]


def _committed(ask: Ask) -> list[str]:
    unpriced = ask.query.market.unpriced_purchases
    if not unpriced:
        return []
    return [f"no price for {', '.join(unpriced)} in the catalog: compared without it"]


def _idle_fallbacks(ask: Ask) -> list[str]:
    """Fallbacks in the spec that the gateway will never use, because the data may not go there."""
    contained = ask.workload.data.classification
    return [
        f"fallback {fallback.provider} {fallback.model} is never used: requests are {contained}"
        + (", which never leaves" if contained == "restricted" else f", it takes {cleared} at most")
        for fallback in ask.workload.fallback
        if not may_leave(contained, cleared := fallback.max_classification)
    ]


def _no_capacity(ask: Ask, decision: Decision) -> list[str]:
    """The next best instance type for the same engine, for when AWS has no capacity of the first."""
    spare = spare_host(decision.chosen, ask.query)
    month = None if spare is None else monthly(spare.cost)
    if spare is None or month is None:
        return []
    nodes = spare.fleet.units * spare.slot.nodes
    name = f"{nodes} x {spare.slot.host.instance.id}"
    return [f"no capacity? next for the same engine: {name} at {usd(month, cents=False)} a month"]


def _ranks(ask: Ask, chosen: Feasible) -> list[str]:
    """Why ranks that share the experts instead of tensor parallelism over the same GPUs."""
    deployment, held = chosen.option.deployment, chosen.option.fit
    if deployment.data_parallel == 1:
        return []
    ours = f"{held.server_kv_cache_tokens:,} tokens of KV cache over {deployment.data_parallel} ranks"
    cut = chosen.option.cut
    wide = fit(
        replace(
            deployment,
            tp=cut.gpus_per_node,
            pp=cut.nodes,
            data_parallel=1,
            nodes=1,
            max_num_batched_tokens=None,
        )
    )
    theirs = f"{wide.kv_cache_tokens:,}" if wide.fits else f"nothing ({wide.reason})"
    asked = ask.workload.serving.data_parallel
    why = "best by " + ask.query.objective if asked == "auto" else "as serving.dataParallel asks"
    return [
        f"data parallel ({why}): {ours}, against {theirs} with {cut_text(cut.gpus_per_node, cut.nodes)}"
        f" on the same GPUs; speed {chosen.need.at_peak.basis}"
    ]


# --- quality and trust ---


def _quality(ask: Ask, decision: Decision) -> list[str]:
    option = decision.chosen.option
    found = []
    if ask.query.subject.asked_for == "auto":
        rule = (
            "quantization auto: the released precision and 8 bits compete on cost, 4 bits only when asked for"
        )
        found.append(f"{rule} or nothing else serves")
    if decision.widened:
        found.append(f"widened to {decision.widened}")
    changed = _changed(decision.chosen)
    if changed:
        gate = "" if ask.workload.evaluation else " (no evaluation suite in the spec)"
        found.append(f"evaluate before rollout: {', '.join(changed)}{gate}")
    if option.weights.origin == "published" and not option.weights.by_developer:
        found.append(f"{option.weights.checkpoint} is not by the model's developer")
    return found


def _changed(chosen: Feasible) -> list[str]:
    option = chosen.option
    found = []
    if option.weights.tier > 0:
        how = (
            "quantized on load" if option.weights.origin == "online" else f"from {option.weights.checkpoint}"
        )
        found.append(f"{option.weights.quantization} weights {how}")
    if option.kv_cache_dtype != "auto":
        found.append(f"{option.kv_cache_dtype} KV cache with scale 1.0 unless calibrated")
    if option.casts_to_fp16:
        found.append("fp16 activations of a bf16 model")
    return found


def _placement(chosen: Feasible) -> tuple[str, ...]:
    slot, option = chosen.placed.slot, chosen.option
    case = PlacementCase(
        instance=slot.host.instance,
        gpus_used=option.cut.gpus,
        nodes=slot.nodes,
        weights_gib=checkpoint_gib(option.deployment, option.fit.weights_gib_per_gpu),
        replicas_per_node=slot.per_unit,
    )
    return judge(PLACEMENT_RULES, case).warnings


def _several_nodes(chosen: Candidate) -> list[str]:
    if chosen.nodes_per_replica == 1:
        return []
    return [
        "a replica over several nodes needs EFA, one zone, and an image with libfabric (not in the stock one)"
    ]


def _spot(ask: Ask, chosen: Candidate) -> list[str]:
    if chosen.purchase != "spot":
        return []
    strict = ask.levels.availability >= _SPOT_AVAILABILITY
    text = "spot capacity goes with two minutes' notice; its price is a point-in-time median"
    return [f"{text}; AWS advises against it for latency-sensitive serving"] if strict else [text]


def _uncertain(chosen: Feasible) -> list[str]:
    """Levels that hold at the estimate and not at the far end of its range."""
    basis = chosen.need.at_peak.basis
    return [
        f"{level.name} p95 may reach {milliseconds(level.worst_p95_ms)}"
        f" (level {milliseconds(level.target_ms)}): {basis} prediction, load test before production"
        for level in chosen.levels
        if level.worst_p95_ms > level.target_ms
    ]


def _rollout(chosen: Candidate) -> list[str]:
    if chosen.replicas > 1 or chosen.surge_replicas:
        return []
    return ["one replica and no surge: every rollout interrupts the service"]


def _budget(ask: Ask, decision: Decision) -> list[str]:
    budget, month = ask.query.budget_usd_per_month, monthly(decision.chosen.cost)
    if budget is None or month is None or month <= budget:
        return []
    return [f"{usd(month, cents=False)} a month is over the workload's budget of {usd(budget, cents=False)}"]


def licence_name(ask: Ask, catalog: Catalog) -> str:
    """The licence id of the catalog; ``unknown`` outside it."""
    model = ask.query.subject.model
    if model is None:
        return "unknown"
    try:
        return catalog.licence(model.licence).id
    except InputError:
        return model.licence
