"""Plans for people: the decision, what else was worth a look, why the rest lost, what to know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from inferstack.sizing.decide import reasons
from inferstack.sizing.demand import milliseconds
from inferstack.sizing.notes import GROUPS_PER_CLUSTER
from inferstack.sizing.parallelism import cut_text
from inferstack.sizing.types import Candidate, EnvironmentPlan, WorkloadPlan
from inferstack.units import duration, usd

TIMES: Final = "\N{MULTIPLICATION SIGN}"
_LABEL: Final = 11
_CODE_WORDS: Final = {
    "does-not-fit": "does not fit",
    "slo-missed": "SLO missed",
    "not-sold": "not sold",
    "dearer": "dearer",
    "hardware-rule": "hardware rule",
    "heads": "heads",
    "no-price": "no price",
    "denied": "denied",
    "dominated": "dominated",
    "zones": "one zone",
    "quality": "held back for quality",
}


def environment_text(plan: EnvironmentPlan, *, top: int = 3, explain: bool = False) -> str:
    """Every workload of an environment, then the total of their nodes."""
    head = f"{plan.environment}   {plan.region}, zones {', '.join(plan.zones)}"
    blocks = [workload_text(workload, top=top, explain=explain) for workload in plan.workloads]
    return "\n\n".join([head, *blocks, _total(plan.workloads), *_node_groups(plan.workloads)])


def _node_groups(plans: Sequence[WorkloadPlan]) -> list[str]:
    """A warning when the cluster needs more node groups (one a workload, one for the system) than usual."""
    groups = len(plans) + 1
    if groups <= GROUPS_PER_CLUSTER:
        return []
    quota = f'quota "Managed node groups per cluster" is {GROUPS_PER_CLUSTER} by default'
    return [f"warning: {groups} node groups: the EKS {quota}, have it raised first"]


def _total(plans: Sequence[WorkloadPlan]) -> str:
    prices = [plan.chosen.usd_per_month for plan in plans]
    known = [price for price in prices if price is not None]
    text = f"GPU nodes together {usd(sum(known, Decimal(0)), cents=False)} a month"
    missing = len(prices) - len(known)
    return text if not missing else f"{text}, and {missing} without a price"


def workload_text(plan: WorkloadPlan, *, top: int = 3, explain: bool = False) -> str:
    """One plan; ``top`` alternatives; every rejection when ``explain``."""
    sections = [
        _head(plan),
        _section("chosen", _chosen(plan)),
        _section("also", [_also(plan, other) for other in plan.alternatives[:top]]),
        _section("rejected", _rejected(plan, explain=explain)),
        _section("notes", plan.notes),
        _section("warnings", plan.warnings),
    ]
    return "\n\n".join(section for section in sections if section)


def _head(plan: WorkloadPlan) -> str:
    model = plan.model_id.rpartition("/")[2]
    traffic = f"{plan.requests_per_day:,.0f} requests/day, peak {_rate(plan.peak_requests_per_second)}/s"
    return f"{plan.workload}   {model} ({plan.params_b:g} B, {plan.licence}) · {traffic} · {plan.task}"


def _rate(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _section(name: str, lines: Iterable[str]) -> str:
    """Lines under a label in the left margin; empty without lines."""
    margin = f"  {name}".ljust(_LABEL)
    rows = []
    for line in lines:
        rows.append(f"{margin}{line}".rstrip())
        margin = " " * _LABEL
    return "\n".join(rows)


# --- the chosen one ---


def _chosen(plan: WorkloadPlan) -> list[str]:
    chosen = plan.chosen
    zones = ",".join(zone.rpartition("-")[2] for zone in chosen.zones)
    place = f"{chosen.region} {zones}   {chosen.purchase}"
    return [
        f"{_nodes(chosen)}  {_engine(chosen)}   {place}",
        _levels(plan),
        _money(chosen),
        _memory(chosen),
        _replicas(plan),
        _cold_start(plan),
    ]


def _nodes(candidate: Candidate) -> str:
    gpus = f"{candidate.gpus_per_instance}{TIMES}{candidate.gpu}"
    return f"{candidate.nodes} {TIMES} {candidate.instance_type} ({gpus})"


def _engine(candidate: Candidate) -> str:
    cut = cut_text(candidate.tp, candidate.pp, candidate.dp)
    kv = "" if candidate.kv_cache_dtype == "auto" else f", {candidate.kv_cache_dtype.upper()} KV"
    return f"{cut} · {candidate.quantization.upper()} weights{kv}"


def _levels(plan: WorkloadPlan) -> str:
    seen = plan.chosen.at_peak
    parts = [
        _level("TTFT", seen.ttft_ms.p95, plan.slo_ttft_p95_ms),
        _level("ITL", seen.tpot_ms.p95, plan.slo_itl_p95_ms),
        _level("whole request", seen.e2e_ms.p95, plan.slo_e2e_p95_ms),
    ]
    use = f"peak use {seen.utilization * 100:.0f} %"
    return "   ".join([*filter(None, parts), use, _survives(plan.chosen)])


def _survives(chosen: Candidate) -> str:
    if not chosen.survives_node_loss:
        return "no spare"
    return f"survives the loss of one {'zone' if chosen.survives_zone_loss else 'node'}"


def _level(name: str, seen_ms: float, target_ms: float | None) -> str:
    if target_ms is None:
        return ""
    return f"{name} p95 {milliseconds(seen_ms)} (≤ {milliseconds(target_ms)})"


def _money(candidate: Candidate) -> str:
    if candidate.usd_per_month is None:
        nodes = f"{candidate.nodes} node{'s' if candidate.nodes > 1 else ''}"
        return f"no price for {candidate.purchase} in the catalog ({nodes})"
    parts = [f"{usd(candidate.usd_per_month, cents=False)} a month"]
    if candidate.usd_per_million_tokens is not None:
        full = candidate.usd_per_million_tokens_full
        when_full = "" if full is None else f", {_fine(full)} when full"
        parts.append(f"{_fine(candidate.usd_per_million_tokens)} per 1 M tokens at this traffic{when_full}")
    return " · ".join(parts) + f"   {_trust(candidate)}"


def _fine(amount: Decimal) -> str:
    return usd(amount) if amount >= Decimal("0.1") else f"${float(amount):.2g}"


def _trust(candidate: Candidate) -> str:
    """How far the latencies may be off (80 % range), and what the prediction stands on.

    Below saturation the throughput is what is asked for, so it has no spread worth a word.
    """
    prediction = candidate.at_peak
    spreads = []
    for field, name in (("ttft_ms", "TTFT"), ("tpot_ms", "ITL")):
        interval = prediction.range.get(field)
        if interval is not None and interval.high > interval.low:
            half = (interval.high - interval.low) / (interval.high + interval.low)
            spreads.append(f"{name} ±{half * 100:.0f} %")
    return ", ".join([*spreads, prediction.basis])


def _memory(candidate: Candidate) -> str:
    fit = candidate.fit
    overhead = fit.activation_gib_per_gpu + fit.non_torch_gib_per_gpu + fit.cuda_graphs_gib_per_gpu
    text = (
        f"memory per GPU {fit.gpu_memory_utilization:g} {TIMES} {fit.gpu_memory_gib:.1f} GiB:"
        f" weights {fit.weights_gib_per_gpu:.1f} · overhead {overhead:.1f}"
    )
    if fit.companions_gib_per_gpu > 0:
        text += f" · guesses and adapters {fit.companions_gib_per_gpu:.1f}"
    if fit.kv_cache_tokens <= 0:
        return f"{text} · no KV cache"
    requests = f"{fit.max_concurrency:,.1f} requests of {fit.max_model_len:,}"
    ranks = f" on each of {fit.ranks} ranks" if fit.ranks > 1 else ""
    return f"{text} · KV {fit.kv_cache_gib_per_gpu:.1f} → {fit.kv_cache_tokens:,} tokens, {requests}{ranks}"


def _replicas(plan: WorkloadPlan) -> str:
    chosen = plan.chosen
    how = (
        f"{chosen.replicas_serving} serve the peak"
        if chosen.replicas != chosen.replicas_serving
        else "all serve"
    )
    shape = (
        f"{chosen.replicas_per_node} a node"
        if chosen.nodes_per_replica == 1
        else f"{chosen.nodes_per_replica} nodes each"
    )
    surge = f" · {chosen.surge_replicas} more during a rollout" if chosen.surge_replicas else ""
    bounds = f"autoscaling {plan.min_replicas} to {plan.max_replicas}"
    noun = "replica" if chosen.replicas == 1 else "replicas"
    return f"{chosen.replicas} {noun} ({how}, {shape}) · {bounds}{surge}"


def _cold_start(plan: WorkloadPlan) -> str:
    parts = plan.load_time
    each = (
        ("node", parts.node_s),
        ("image", parts.image_s),
        ("weights", parts.weights_s),
        ("compile", parts.compile_s),
    )
    return f"cold start {duration(parts.total_s)}: " + " · ".join(
        f"{name} {seconds:.0f} s" for name, seconds in each
    )


# --- the others ---


def _also(plan: WorkloadPlan, other: Candidate) -> str:
    price = "no price" if other.usd_per_month is None else usd(other.usd_per_month, cents=False)
    left = f"{other.nodes} {TIMES} {other.instance_type} {_engine(other)}"
    place = "" if other.region == plan.chosen.region else f"{other.region} · "
    return f"{left:<46} {price:>10}   {place}{' · '.join(_differences(plan, other))}"


def _differences(plan: WorkloadPlan, other: Candidate) -> list[str]:
    chosen = plan.chosen
    found = []
    ours, theirs = _latency(plan, chosen), _latency(plan, other)
    if theirs < ours * 0.8:
        name = "whole request" if plan.slo_ttft_p95_ms is None else "TTFT"
        found.append(f"faster ({name} {milliseconds(theirs)})")
    if other.at_peak.utilization < chosen.at_peak.utilization * 0.8:
        found.append(f"more headroom ({other.at_peak.utilization * 100:.0f} % in use)")
    if _sixteen_bit(other) and not _sixteen_bit(chosen):
        found.append("no quantization")
    if other.usd_per_month is not None and chosen.usd_per_month:
        ratio = other.usd_per_month / chosen.usd_per_month
        found.append(_cost_ratio(ratio))
    return found


def _cost_ratio(ratio: Decimal) -> str:
    """Another plan's cost in terms of the chosen one's; it is lower where the objective was not cost."""
    if ratio >= Decimal("1.05"):
        return f"{ratio:.1f}{TIMES} the cost"
    return "same cost" if ratio > Decimal("0.95") else f"{(1 - ratio) * 100:.0f} % cheaper"


def _latency(plan: WorkloadPlan, candidate: Candidate) -> float:
    prediction = candidate.at_peak
    return prediction.e2e_ms.p95 if plan.slo_ttft_p95_ms is None else prediction.ttft_ms.p95


def _sixteen_bit(candidate: Candidate) -> bool:
    return candidate.quantization in {"bf16", "fp16", "fp32"}


def _rejected(plan: WorkloadPlan, *, explain: bool) -> list[str]:
    rows = reasons(plan.rejections)
    if not rows:
        return []
    counts = " · ".join(f"{_CODE_WORDS.get(code, code)} {count}" for code, count, _ in rows)
    lines = [f"{len(plan.rejections)}   {counts}"]
    if not explain:
        return [*lines, "inferstack plan --explain shows each"]
    width = min(max(len(rejection.candidate) for rejection in plan.rejections), 44)
    for code, count, _ in rows:
        lines += ["", f"{_CODE_WORDS.get(code, code)} ({count})"]
        group = sorted((r.candidate, r.reason) for r in plan.rejections if r.code == code)
        lines += [f"  {candidate:<{width}}  {reason}" for candidate, reason in group]
    return lines
