"""Budgets against the bill: kept, exceeded, or not decidable because prices are missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from inferstack.cost.bill import Bill
from inferstack.units import usd


class BudgetState(StrEnum):
    KEPT = "kept"
    EXCEEDED = "exceeded"
    UNDECIDED = "undecided"
    """The known part is within the budget, but something has no price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetResult:
    """One budget: the environment's (whole bill) or a workload's (its own resources)."""

    scope: str
    state: BudgetState
    limit: Decimal
    monthly: Decimal
    gaps: int

    def __str__(self) -> str:
        head = f"{self.scope}: {usd(self.monthly)} of {usd(self.limit)} a month"
        if self.state is BudgetState.EXCEEDED:
            return f"{head}, {usd(self.monthly - self.limit)} over budget"
        if self.state is BudgetState.UNDECIDED:
            return f"{head} and {self.gaps} without a price: whether the budget holds is not known"
        return f"{head}, {usd(self.limit - self.monthly)} left"


def judge(scope: str, limit: Decimal, monthly: Decimal, gaps: int) -> BudgetResult:
    """Missing prices only add: what is over without them is over."""
    within = BudgetState.UNDECIDED if gaps else BudgetState.KEPT
    state = BudgetState.EXCEEDED if monthly > limit else within
    return BudgetResult(scope=scope, state=state, limit=limit, monthly=monthly, gaps=gaps)


def budgets(bill: Bill) -> Iterator[BudgetResult]:
    """Every budget that is set, the environment's first."""
    if bill.budget is not None:
        gaps = len(bill.gaps) + sum(unpriced.count for unpriced in bill.not_priced)
        yield judge(bill.environment or "environment", bill.budget, bill.total, gaps)
    for workload in bill.workloads:
        if workload.budget is not None:
            yield judge(f"workload {workload.name}", workload.budget, workload.own, workload.gaps)
