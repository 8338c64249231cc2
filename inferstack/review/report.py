"""The report of an environment as one page (HTML) and as Markdown: plan, verdict, bill, resources.

Everything is formatted here into plain text values; the templates only lay them out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Final

from inferstack.cost.budget import budgets
from inferstack.policy.sarif import message
from inferstack.policy.text import verdict_line
from inferstack.policy.types import Finding, Status
from inferstack.render import render_text
from inferstack.review.charts import charts
from inferstack.units import duration, usd

if TYPE_CHECKING:
    from inferstack.cost.bill import Bill, ResourceCost
    from inferstack.cost.item import Line
    from inferstack.engine.graph import Graph
    from inferstack.policy.types import PolicyReport
    from inferstack.review.verdict import Assessment
    from inferstack.sizing.types import Candidate, EnvironmentPlan, WorkloadPlan

NO_PRICE: Final = "no price"
_REJECTIONS_SHOWN: Final = 12
_STATUSES: Final = (
    (Status.BLOCKED, "Blocks"),
    (Status.OPEN, "Cannot be decided"),
    (Status.WARNED, "Warnings"),
    (Status.WAIVED, "Waived"),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One labelled value; ``good`` marks a target as met or missed."""

    label: str
    value: str
    good: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadView:
    name: str
    model: str
    choice: str
    """``2 x g6e.12xlarge (L40S), TP4, fp8``"""
    monthly: str
    token_price: str
    targets: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    alternatives: tuple[Fact, ...]
    rejections: tuple[Fact, ...]
    more_rejections: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    label: str
    quantity: str
    price: str
    monthly: str
    gap: bool
    assumption: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CostView:
    name: str
    kind: str
    monthly: str
    lines: tuple[LineView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentCost:
    name: str
    monthly: str
    share: int
    """Percent of the total, for the bar."""
    gaps: int
    resources: tuple[CostView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """What one rule found, and what to do about it."""

    rule: str
    title: str
    severity: str
    remediation: str
    findings: tuple[Fact, ...]
    """Message, and the waiver that covers it (or nothing)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    status: str
    heading: str
    count: int
    rules: tuple[RuleView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentView:
    name: str
    count: int
    types: tuple[Fact, ...]


def html(plan: EnvironmentPlan, assessment: Assessment) -> str:
    """One self-contained page."""
    return render_text("report.html.j2", _values(plan, assessment))


def markdown(plan: EnvironmentPlan, assessment: Assessment) -> str:
    return render_text("report.md.j2", _values(plan, assessment))


def _values(plan: EnvironmentPlan, assessment: Assessment) -> dict[str, object]:
    bill, policy = assessment.bill, assessment.policy
    return {
        "environment": plan.environment,
        "region": plan.region,
        "zones": ", ".join(plan.zones),
        "blocked": assessment.blocked,
        "reasons": assessment.reasons,
        "total": usd(bill.total),
        "missing_prices": len(bill.gaps) + sum(kind.count for kind in bill.not_priced),
        "resource_count": len(assessment.graph.managed()),
        "workloads": tuple(_workload(one, bill) for one in plan.workloads),
        "policy_line": verdict_line(policy),
        "statuses": tuple(_statuses(policy)),
        "budgets": tuple(Fact(result.scope, str(result), result.state == "kept") for result in budgets(bill)),
        "components": tuple(_component_costs(bill)),
        "not_priced": tuple(Fact(kind.type, str(kind.count)) for kind in bill.not_priced),
        "usage_based": usd(bill.usage_based()),
        "price_dates": " to ".join(sorted({day.isoformat() for day in bill.price_dates})),
        "inventory": tuple(_inventory(assessment.graph)),
        "charts": tuple(charts(assessment.graph)),
    }


def _workload(plan: WorkloadPlan, bill: Bill) -> WorkloadView:
    chosen = plan.chosen
    cost = next((found for found in bill.workloads if found.name == plan.workload), None)
    price = cost.usd_per_million_tokens(with_shared=True) if cost else None
    shown = plan.rejections[:_REJECTIONS_SHOWN]
    return WorkloadView(
        name=plan.workload,
        model=plan.model_id,
        choice=_choice(chosen),
        monthly=f"{usd(cost.monthly)}" if cost else NO_PRICE,
        token_price=f"{usd(price)} per million tokens" if price is not None else "price of tokens not known",
        targets=tuple(_targets(plan)),
        facts=tuple(_facts(plan)),
        notes=plan.notes,
        warnings=plan.warnings,
        alternatives=tuple(_alternative(one) for one in plan.alternatives),
        rejections=tuple(Fact(one.candidate, one.reason) for one in shown),
        more_rejections=len(plan.rejections) - len(shown),
    )


def _choice(chosen: Candidate) -> str:
    parallel = "".join(
        f", {name}{n}" for name, n in (("TP", chosen.tp), ("PP", chosen.pp), ("DP", chosen.dp)) if n > 1
    )
    return f"{chosen.nodes} x {chosen.instance_type} ({chosen.gpu}{parallel}), {chosen.quantization}"


def _targets(plan: WorkloadPlan) -> Iterator[Fact]:
    """Predicted percentiles at the peak against the service levels."""
    peak = plan.chosen.at_peak
    for label, predicted, target in (
        ("TTFT p95", peak.ttft_ms.p95, plan.slo_ttft_p95_ms),
        ("time per token p95", peak.tpot_ms.p95, plan.slo_itl_p95_ms),
        ("end to end p95", peak.e2e_ms.p95, plan.slo_e2e_p95_ms),
    ):
        if target is not None:
            text = f"{duration(predicted / 1000)} of {duration(target / 1000)}"
            yield Fact(label, text, predicted <= target)


def _facts(plan: WorkloadPlan) -> Iterator[Fact]:
    chosen = plan.chosen
    yield Fact("replicas", f"{chosen.replicas} ({chosen.replicas_serving} carry the peak)")
    yield Fact("peak", f"{plan.peak_requests_per_second:.3g} requests/s")
    yield Fact("tokens per request", f"{plan.input_tokens:,.0f} in, {plan.output_tokens:,.0f} out")
    yield Fact("purchase", chosen.purchase)
    if chosen.fit.kv_cache_tokens > 0:
        cache = f"{chosen.fit.kv_cache_gib_per_gpu:.1f} GiB per GPU, {chosen.fit.kv_cache_tokens:,} tokens"
        yield Fact("KV cache", cache)
    yield Fact("cold start", duration(plan.load_time.total_s))
    yield Fact("licence", plan.licence)
    yield Fact("prediction", chosen.at_peak.basis)


def _alternative(one: Candidate) -> Fact:
    price = NO_PRICE if one.usd_per_month is None else f"{usd(one.usd_per_month, cents=False)} a month"
    return Fact(_choice(one), price)


def _statuses(policy: PolicyReport) -> Iterator[StatusView]:
    for status, heading in _STATUSES:
        found = policy.with_status(status)
        if found:
            grouped = groupby(sorted(found, key=lambda one: one.rule), key=lambda one: one.rule)
            rules = tuple(_rule(tuple(members)) for _, members in grouped)
            yield StatusView(status=status.value, heading=heading, count=len(found), rules=rules)


def _rule(findings: tuple[Finding, ...]) -> RuleView:
    first = findings[0]
    return RuleView(
        rule=first.rule,
        title=first.title,
        severity=first.severity.value,
        remediation=first.remediation,
        findings=tuple(Fact(message(one), _waiver(one)) for one in findings),
    )


def _waiver(finding: Finding) -> str:
    waiver = finding.waiver
    return f"waived by {waiver.owner} until {waiver.expires.isoformat()}: {waiver.reason}" if waiver else ""


def _component_costs(bill: Bill) -> Iterator[ComponentCost]:
    for group in bill.grouped("component"):
        members = [one for one in bill.resources if (one.component or "(environment)") == group.name]
        yield ComponentCost(
            name=group.name,
            monthly=usd(group.monthly),
            share=_percent(group.monthly, bill.total),
            gaps=group.gaps,
            resources=tuple(_cost(one) for one in members),
        )


def _percent(part: Decimal, whole: Decimal) -> int:
    return int(part * 100 / whole) if whole else 0


def _cost(cost: ResourceCost) -> CostView:
    return CostView(
        name=cost.name,
        kind=cost.title,
        monthly=usd(cost.monthly),
        lines=tuple(_line(one) for one in cost.lines),
    )


def _line(line: Line) -> LineView:
    return LineView(
        label=line.label,
        quantity="not known" if line.quantity is None else f"{line.quantity.normalize():,f} {line.unit}",
        price=NO_PRICE if line.unit_price is None else f"${line.unit_price.normalize():f}",
        monthly=NO_PRICE if line.monthly is None else usd(line.monthly),
        gap=line.monthly is None,
        assumption=line.assumption or "",
        source=line.source if line.date is None else f"{line.source}, {line.date.isoformat()}",
    )


def _inventory(graph: Graph) -> Iterator[ComponentView]:
    """What is created, by component; components, providers and the stack are structure and not counted."""
    by_component: dict[str, list[str]] = {}
    for resource in graph.managed():
        by_component.setdefault(graph.components[resource.urn] or graph.stack, []).append(resource.type)
    for name in sorted(by_component):
        yield ComponentView(
            name=name, count=len(by_component[name]), types=tuple(_counted(by_component[name]))
        )


def _counted(types: Iterable[str]) -> Iterator[Fact]:
    for type_, count in sorted(Counter(types).items()):
        yield Fact(type_, str(count))
