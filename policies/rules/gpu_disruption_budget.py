"""INF-GPU-008: every server has a disruption budget that allows drains, one within its redundancy."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from math import ceil

from inferstack.facts import WORKLOAD_TYPE
from inferstack.policy.over import over
from inferstack.policy.types import Context, EnvironmentRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource
from inferstack.view import Undecided, View

BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"


def allowed(budget: View, replicas: int) -> int:
    """How many of the replicas may be missing; percentages are rounded up, as Kubernetes does."""
    spec = budget.view("spec")
    for key in ("maxUnavailable", "minAvailable"):
        text = spec.text(key)
        if text is None:
            continue
        number = text.removesuffix("%")
        if not number.isdigit():
            raise Undecided(f"{key} is neither a count nor a percentage")
        count = ceil(int(number) * replicas / 100) if text.endswith("%") else int(number)
        return count if key == "maxUnavailable" else max(0, replicas - count)
    raise Undecided("the budget says neither maxUnavailable nor minAvailable")


def judge(service: Resource, budgets: list[Resource]) -> Iterator[Verdict]:
    facts = View(service.inputs)
    replicas, serving = facts.number("replicas"), facts.number("replicasServing")
    if replicas is None or serving is None:
        raise Undecided("replicas and replicasServing are not stated")
    if not budgets and replicas > 1:
        yield fail("has several replicas and no PodDisruptionBudget: a drain may take all at once")
    for budget in budgets:
        missing = allowed(View(budget.inputs), int(replicas))
        if missing == 0:
            yield fail("has a budget of none: every node upgrade waits until someone deletes it")
        elif replicas > 1 and missing > max(Decimal(1), replicas - serving):
            yield fail(f"lets drains take {missing} of {replicas} replicas, and {serving} serve the peak")


def check(context: Context) -> Iterator[Verdict]:
    services = context.resources.of_type(WORKLOAD_TYPE)
    if not services:
        yield not_applicable("no model server in the stack")
        return
    budgets = context.resources.of_type(BUDGET)
    yield from over(
        services,
        lambda service: judge(
            service, [one for one in budgets if service in context.resources.ancestors(one)]
        ),
    )


RULE = EnvironmentRule(
    id="INF-GPU-008",
    title="Disruption budgets fit the redundancy",
    severity=Severity.MEDIUM,
    rationale=(
        "Node upgrades drain; without a budget they take every replica, with one of none they never end, and "
        "a new replica needs minutes to load."
    ),
    remediation="Allow as many as the plan has beyond those that serve the peak, and always one.",
    url="https://kubernetes.io/docs/tasks/run-application/configure-pdb/",
    tags=("gpu", "availability"),
    frameworks=("SOC2 A1.2",),
    check=check,
)
