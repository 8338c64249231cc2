"""INF-CST-001: the estimated bill stays within the budgets of the environment and its workloads."""

from __future__ import annotations

from policy_graphs import ENVIRONMENT, SERVICE, changed, compliant, messages, outcome, resource

from inferstack.policy.types import Outcome
from inferstack.resources import Resource

RULE = "INF-CST-001"


def with_pool(budget: str, purchase: str = "on-demand", of: str = ENVIRONMENT) -> dict[str, Resource]:
    """The compliant environment with two g6e.12xlarge nodes for the workload, and a budget."""
    resources = changed(of, {"budgetMonthlyUsd": budget})
    pool = resource(
        "inferstack:index:GpuPool",
        "chat-pool",
        {"workload": "chat", "instanceType": "g6e.12xlarge", "purchase": purchase, "nodes": 2},
        parent=SERVICE,
    )
    template = next(urn for urn in compliant() if "LaunchTemplate" in urn)
    group = resource(
        "aws:eks/nodeGroup:NodeGroup",
        "chat-pool",
        {"capacityType": "ON_DEMAND", "instanceTypes": ["g6e.12xlarge"], "scalingConfig": {"desiredSize": 2}},
        parent=pool.urn,
        depends={"launchTemplate": (template,)},
    )
    return {**resources, pool.urn: pool, group.urn: group}


def test_no_budget_is_not_judged() -> None:
    assert outcome(compliant(), RULE) is Outcome.NOT_APPLICABLE


def test_a_bill_within_the_budget_passes() -> None:
    assert outcome(with_pool("90000"), RULE) is Outcome.PASS


def test_a_bill_above_the_budget_fails_with_the_amounts() -> None:
    resources = with_pool("1000")
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "of $1,000.00 a month" in messages(resources, RULE)
    assert "over budget" in messages(resources, RULE)


def test_a_workload_above_its_own_budget_fails() -> None:
    resources = with_pool("1000", of=SERVICE)
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "workload chat" in messages(resources, RULE)


def test_a_price_that_is_missing_cannot_be_cleared() -> None:
    resources = with_pool("90000", purchase="savings-plan-1y")
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "without a price" in messages(resources, RULE)
