"""INF-PRO-002: no model that the environment refuses by name."""

from __future__ import annotations

from policy_graphs import ENVIRONMENT, SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-PRO-002"


def test_a_model_that_is_not_refused_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_refused_family_fails() -> None:
    resources = changed(ENVIRONMENT, {"policy.denyModels": ["META-llama/*"]})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "refused here" in messages(resources, RULE)


def test_a_refused_checkpoint_fails() -> None:
    resources = changed(SERVICE, {"checkpoint": "Example/copy-of-llama"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "refused here" in messages(resources, RULE)


def test_nothing_refused_is_not_judged() -> None:
    resources = changed(ENVIRONMENT, {"policy.denyModels": []})
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE
