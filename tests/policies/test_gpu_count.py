"""INF-GPU-009: a server has exactly the GPUs its parallelism uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from policy_graphs import (
    DEPLOYMENT,
    KNOWLEDGE,
    RULES,
    SERVICE,
    TODAY,
    changed,
    compliant,
    messages,
    outcome,
    put,
)

from inferstack.policy.run import evaluate
from inferstack.policy.types import Outcome
from inferstack.sizing.types import WorkloadPlan
from tests.components import builders
from tests.components.running import build, preview

RULE = "INF-GPU-009"
CONTAINER = "spec.template.spec.containers.0"


def test_the_compliant_environment_passes() -> None:
    assert outcome(compliant(), RULE) is Outcome.PASS


def args(*words: str) -> dict[str, Any]:
    return {f"{CONTAINER}.args": ["s3://weights", *words]}


@pytest.mark.parametrize(
    "words",
    [
        ("--tensor-parallel-size", "4"),
        ("--tensor-parallel-size=2", "--pipeline-parallel-size=2"),
        ("-tp", "2", "--data-parallel-size", "2"),
        ("-tp", "2", "-dp", "2"),
        ("--data-parallel-size", "2", "-dpl", "1"),
        (),
    ],
)
def test_other_numbers_of_ranks_fail(words: tuple[str, ...]) -> None:
    resources = changed(DEPLOYMENT, args(*words))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "ranks on 2 GPUs" in messages(resources, RULE)


@pytest.mark.parametrize(
    "words",
    [
        ("--pipeline-parallel-size", "2"),
        ("--data-parallel-size", "2"),
        ("--data-parallel-size", "4", "--data-parallel-size-local", "2"),
        ("-dp", "2"),
        ("-dp=8", "-dpl", "2"),
    ],
)
def test_every_way_to_use_two_gpus_passes(words: tuple[str, ...]) -> None:
    assert outcome(changed(DEPLOYMENT, args(*words)), RULE) is Outcome.PASS


def test_a_group_is_counted_over_its_nodes() -> None:
    resources = changed(DEPLOYMENT, args("-tp", "2", "-pp", "2"))
    put(resources[SERVICE].inputs, "nodesPerReplica", 2)
    assert outcome(resources, RULE) is Outcome.PASS
    put(resources[SERVICE].inputs, "nodesPerReplica", 3)
    assert "starts 4 ranks on 6 GPUs of 3 nodes" in messages(resources, RULE)


@pytest.mark.parametrize(("local", "expected"), [("2", Outcome.PASS), ("4", Outcome.FAIL)])
def test_ranks_over_nodes_count_on_their_own(local: str, expected: Outcome) -> None:
    words = ("--data-parallel-size", "4", "--data-parallel-size-local", local)
    resources = changed(DEPLOYMENT, args(*words))
    put(resources[SERVICE].inputs, "nodesPerReplica", 2)
    assert outcome(resources, RULE) is expected


def test_ranks_over_nodes_without_a_local_number_count_over_the_group() -> None:
    resources = changed(DEPLOYMENT, args("--data-parallel-size", "4"))
    put(resources[SERVICE].inputs, "nodesPerReplica", 2)
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_size_that_is_no_number_is_indeterminate() -> None:
    assert outcome(changed(DEPLOYMENT, args("-tp", "auto")), RULE) is Outcome.INDETERMINATE


@pytest.mark.parametrize("plan", [builders.rank_group_plan, builders.group_plan])
def test_groups_as_they_are_made_pass(plan: Callable[[], WorkloadPlan]) -> None:
    graph = preview(build(builders.groups(plan())))
    report = evaluate(graph, RULES, knowledge=KNOWLEDGE, today=TODAY)
    (found,) = (result for result in report.rules if result.rule == RULE)
    assert found.outcome is Outcome.PASS
