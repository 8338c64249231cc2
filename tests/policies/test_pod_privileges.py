"""INF-SEC-009: pods run unprivileged, as a user that is not root."""

from __future__ import annotations

from policy_graphs import DEPLOYMENT, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-SEC-009"


def test_an_unprivileged_pod_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_privileged_container_fails() -> None:
    resources = changed(DEPLOYMENT, {"spec.template.spec.containers.0.securityContext.privileged": True})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "is privileged" in messages(resources, RULE)


def test_escalation_that_is_not_ruled_out_fails() -> None:
    resources = changed(
        DEPLOYMENT, {}, without=("spec.template.spec.containers.0.securityContext.allowPrivilegeEscalation",)
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "may escalate" in messages(resources, RULE)


def test_user_zero_fails() -> None:
    resources = changed(DEPLOYMENT, {"spec.template.spec.containers.0.securityContext.runAsUser": 0})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "runs as root" in messages(resources, RULE)


def test_saying_nothing_about_the_user_fails() -> None:
    resources = changed(DEPLOYMENT, {}, without=("spec.template.spec.securityContext",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "runs as root" in messages(resources, RULE)


def test_the_host_network_fails() -> None:
    resources = changed(DEPLOYMENT, {"spec.template.spec.hostNetwork": True})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "hostNetwork" in messages(resources, RULE)
