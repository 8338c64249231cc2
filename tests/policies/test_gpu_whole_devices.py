"""INF-GPU-001: GPUs are asked for whole, and the limit says how many."""

from __future__ import annotations

import pytest
from policy_graphs import DEPLOYMENT, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-GPU-001"
CONTAINER = "spec.template.spec.containers.0"


def test_the_compliant_environment_passes() -> None:
    assert outcome(compliant(), RULE) is Outcome.PASS


@pytest.mark.parametrize("count", ["0.5", "500m", "0"])
def test_a_part_of_a_gpu_fails(count: str) -> None:
    resources = changed(DEPLOYMENT, {f"{CONTAINER}.resources.limits": {"nvidia.com/gpu": count}})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "of a GPU" in messages(resources, RULE)


def test_a_request_that_is_not_the_limit_fails() -> None:
    resources = changed(DEPLOYMENT, {f"{CONTAINER}.resources.requests": {"nvidia.com/gpu": "1"}})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "requests 1 GPUs and limits them to 2" in messages(resources, RULE)


def test_a_request_without_a_limit_fails() -> None:
    resources = changed(DEPLOYMENT, {f"{CONTAINER}.resources": {"requests": {"nvidia.com/gpu": "1"}}})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "without a limit" in messages(resources, RULE)


def test_a_limit_alone_passes() -> None:
    resources = changed(DEPLOYMENT, {f"{CONTAINER}.resources": {"limits": {"nvidia.com/gpu": 2}}})
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_count_that_is_no_quantity_is_indeterminate() -> None:
    resources = changed(DEPLOYMENT, {f"{CONTAINER}.resources.limits": {"nvidia.com/gpu": "many"}})
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
