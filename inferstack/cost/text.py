"""The bill as text: total and price of tokens first, then groups, lines, gaps, budgets, assumptions."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost.bill import Bill, GroupKey, ResourceCost, WorkloadCost
from inferstack.cost.budget import BudgetState, budgets
from inferstack.cost.compare import Change, Comparison
from inferstack.cost.document import quantity
from inferstack.cost.item import Line
from inferstack.units import HOURS_PER_MONTH, usd

NAME_WIDTH = 46
MONEY_WIDTH = 14
MARKS = {BudgetState.KEPT: "ok", BudgetState.EXCEEDED: "OVER", BudgetState.UNDECIDED: "unknown"}


def bill_lines(bill: Bill, *, group_by: GroupKey = "component", top: int | None = None) -> Iterator[str]:
    """The whole bill; ``top`` limits the resources that are shown line by line."""
    yield headline(bill)
    yield ""
    yield from workload_lines(bill)
    for group in bill.grouped(group_by) if group_by != "resource" else ():
        yield _row(group.name, group.monthly, f"{group.gaps} without a price" if group.gaps else "")
    yield _row("total", bill.total, _total_note(bill))
    yield ""
    shown = bill.resources if top is None else bill.resources[:top]
    for cost in shown:
        yield from _resource_lines(cost)
    if len(shown) < len(bill.resources):
        rest = sum((cost.monthly for cost in bill.resources[len(shown) :]), start=Decimal("0.00"))
        yield _row(f"{len(bill.resources) - len(shown)} smaller resources", rest)
    yield ""
    yield from gap_lines(bill)
    yield from budget_lines(bill)
    yield from assumption_lines(bill)


def headline(bill: Bill) -> str:
    """``prod-eu (eu-central-1): $52,100.12 a month``, with what is missing from it."""
    missing = len(bill.gaps) + len(bill.not_priced)
    tail = f", and {missing} without a price" if missing else ""
    return f"{bill.environment} ({bill.region}): {usd(bill.total)} a month{tail}"


def workload_lines(bill: Bill) -> Iterator[str]:
    for cost in bill.workloads:
        yield _row(f"workload {cost.name}", cost.monthly, _workload_note(cost))
    if bill.workloads:
        yield ""


def _workload_note(cost: WorkloadCost) -> str:
    own, full = cost.usd_per_million_tokens(with_shared=False), cost.usd_per_million_tokens(with_shared=True)
    note = f"own {usd(cost.own)}, shared {usd(cost.shared)}"
    if own is None:
        return f"{note}; price of tokens not known"
    whole = "not known" if full is None else usd(full)
    return f"{note}; {usd(own)} a million tokens, {whole} with the shared part"


def _total_note(bill: Bill) -> str:
    starred = bill.usage_based()
    return f"of it {usd(starred)} * by assumed use" if starred else ""


def _resource_lines(cost: ResourceCost) -> Iterator[str]:
    where = f"  [{cost.component}]" if cost.component else ""
    nothing_known = bool(cost.gaps) and len(cost.gaps) == len(cost.lines)
    yield _row(f"{cost.title} {cost.name}", None if nothing_known else cost.monthly, where.strip())
    for line in cost.lines:
        yield _line(line)


def _line(line: Line) -> str:
    star = " *" if line.usage_based else ""
    if line.monthly is None:
        reason = "no price" if line.unit_price is None else "quantity not known"
        return f"    {line.label}{star}  {reason}"
    detail = f"{quantity(line.quantity)} {line.unit} x ${line.unit_price}"
    return f"    {line.label}{star}  {detail} = {usd(line.monthly)}"


def gap_lines(bill: Bill) -> Iterator[str]:
    """What costs money and is not in the total."""
    if bill.gaps:
        yield f"no price ({len(bill.gaps)} {'line' if len(bill.gaps) == 1 else 'lines'}, not in the total)"
        for cost, line in bill.gaps:
            yield f"  {cost.name}: {line.label}"
    if bill.not_priced:
        yield "not priced (types no item covers, not in the total)"
        for kind in bill.not_priced:
            yield f"  {kind.count} x {kind.type}"
    if bill.gaps or bill.not_priced:
        yield ""


def budget_lines(bill: Bill) -> Iterator[str]:
    results = tuple(budgets(bill))
    for result in results:
        yield f"budget {MARKS[result.state]}: {result}"
    if results:
        yield ""


def assumption_lines(bill: Bill) -> Iterator[str]:
    """What the amounts rest on."""
    priced = len(bill.resources)
    dates = " to ".join(dict.fromkeys(day.isoformat() for day in bill.price_dates)) or "none used"
    yield f"{priced} resources priced, {bill.free} free; {HOURS_PER_MONTH} hours a month; prices of {dates}"
    yield "not included: scaling above the planned replicas, rollout surge, support, taxes, discounts"
    assumed = {
        line.assumption: None
        for cost in bill.resources
        for line in cost.lines
        if line.assumption and line.monthly is not None
    }
    for text in sorted(assumed):
        yield f"  * {text}"


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """Before, after and the groups that differ."""
    growth = "" if comparison.percent is None else f" ({comparison.percent:+} %)"
    known = "" if comparison.complete else ", known amounts only"
    yield (
        f"{usd(comparison.before)} -> {usd(comparison.after)} a month: "
        f"{_signed(comparison.difference)}{growth}{known}"
    )
    for change in comparison.changes:
        yield _row(change.name, change.difference, _from_to(change))


def _from_to(change: Change) -> str:
    before = "new" if change.before is None else usd(change.before)
    after = "gone" if change.after is None else usd(change.after)
    return f"{before} -> {after}"


def _signed(amount: Decimal) -> str:
    return f"+{usd(amount)}" if amount > 0 else usd(amount)


def _row(name: str, amount: Decimal | None, note: str = "") -> str:
    shown = "no price" if amount is None else usd(amount)
    return f"{name:<{NAME_WIDTH}}{shown:>{MONEY_WIDTH}}  {note}".rstrip()
