"""INF-SEC-003: every bucket blocks public access in all four ways."""

from __future__ import annotations

from policy_graphs import BLOCK, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-SEC-003"


def test_a_full_block_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_block_with_a_gap_fails() -> None:
    resources = changed(BLOCK, {"blockPublicPolicy": False})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "leaves out blockPublicPolicy" in messages(resources, RULE)


def test_a_block_that_says_nothing_fails() -> None:
    resources = changed(BLOCK, {}, without=("ignorePublicAcls",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "leaves out ignorePublicAcls" in messages(resources, RULE)
