"""INF-PRO-003: weights are pinned to a commit, so that what was evaluated is what is served."""

from __future__ import annotations

from policy_graphs import SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-PRO-003"


def test_a_commit_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_branch_fails() -> None:
    resources = changed(SERVICE, {"revision": "main"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "can move" in messages(resources, RULE)


def test_no_revision_fails() -> None:
    resources = changed(SERVICE, {}, without=("revision",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "has no revision" in messages(resources, RULE)


def test_the_repository_that_is_loaded_is_named() -> None:
    resources = changed(SERVICE, {"checkpoint": "acme/Llama-FP8"}, without=("revision",))
    assert messages(resources, RULE).startswith("acme/Llama-FP8 has no revision")
