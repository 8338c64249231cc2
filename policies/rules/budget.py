"""INF-CST-001: the estimated bill stays within the budgets of the environment and its workloads."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.catalog.load import load_catalog
from inferstack.cost.budget import BudgetState, budgets
from inferstack.cost.estimate import estimate
from inferstack.facts import WORKLOAD_TYPE, environments
from inferstack.policy.types import (
    Context,
    EnvironmentRule,
    Severity,
    Verdict,
    fail,
    indeterminate,
    not_applicable,
)
from inferstack.view import View

BUDGET = "budgetMonthlyUsd"


def check(context: Context) -> Iterator[Verdict]:
    facts = next(environments(context.resources), None)
    stated = [found.budget_monthly_usd for found in environments(context.resources)]
    stated += [View(found.inputs).number(BUDGET) for found in context.resources.of_type(WORKLOAD_TYPE)]
    if not any(limit is not None for limit in stated):
        yield not_applicable("no budget is set")
        return
    results = tuple(budgets(estimate(context.resources, load_catalog(), today=context.today)))
    urn = facts.urn if facts else None
    for result in results:
        if result.state is BudgetState.EXCEEDED:
            yield fail(str(result), urn=urn)
        elif result.state is BudgetState.UNDECIDED:
            yield indeterminate(str(result), urn=urn)


RULE = EnvironmentRule(
    id="INF-CST-001",
    title="The bill stays within the budget",
    severity=Severity.HIGH,
    rationale=(
        "GPUs cost more in a month than most services in a year; a change is cheapest to stop before it "
        "exists."
    ),
    remediation="Choose cheaper capacity, lower the replicas, or have the budget raised.",
    url="https://www.finops.org/framework/capabilities/budgeting/",
    tags=("finops",),
    frameworks=("FinOps: budgeting",),
    check=check,
)
