"""INF-LIC-001: every model served has a licence whose terms the catalog knows."""

from __future__ import annotations

from policy_graphs import SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-LIC-001"


def test_a_known_licence_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_model_outside_the_catalog_without_a_licence_cannot_be_cleared() -> None:
    resources = changed(SERVICE, {"model": "acme/own-model"}, without=("licence",))
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "is not established" in messages(resources, RULE)


def test_a_licence_without_known_terms_cannot_be_cleared() -> None:
    resources = changed(SERVICE, {"model": "acme/own-model", "licence": "acme-eula"})
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "not in the catalog" in messages(resources, RULE)


def test_a_model_outside_the_catalog_may_state_a_known_licence() -> None:
    resources = changed(SERVICE, {"model": "acme/own-model", "licence": "mit"})
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_licence_that_is_not_the_models_fails() -> None:
    resources = changed(SERVICE, {"licence": "apache-2.0"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "states licence apache-2.0" in messages(resources, RULE)
