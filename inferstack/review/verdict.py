"""One answer for an environment: may it be deployed, and if not, why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inferstack.cost.budget import BudgetResult, BudgetState, budgets
from inferstack.engine.graph import Graph
from inferstack.policy.types import PolicyReport, Status

if TYPE_CHECKING:
    from inferstack.cost.bill import Bill


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Everything that is known of an environment before it exists."""

    graph: Graph
    bill: Bill
    policy: PolicyReport

    @property
    def over_budget(self) -> tuple[BudgetResult, ...]:
        return tuple(result for result in budgets(self.bill) if result.state is BudgetState.EXCEEDED)

    @property
    def blocked(self) -> bool:
        return self.policy.blocked or bool(self.over_budget)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is blocked, one phrase each; empty when it is not."""
        findings = len(self.policy.with_status(Status.BLOCKED))
        policy = (f"{findings} policy finding{'' if findings == 1 else 's'}",) if findings else ()
        return policy + tuple(f"over budget ({result})" for result in self.over_budget)
