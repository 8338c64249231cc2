"""INF-SEC-001: the Kubernetes API server is not open to the whole internet."""

from __future__ import annotations

from policy_graphs import CLUSTER, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-SEC-001"


def test_a_private_endpoint_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_public_endpoint_for_some_networks_passes() -> None:
    resources = changed(
        CLUSTER, {"vpcConfig.endpointPublicAccess": True, "vpcConfig.publicAccessCidrs": ["203.0.113.0/24"]}
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_public_endpoint_for_everyone_fails() -> None:
    resources = changed(
        CLUSTER, {"vpcConfig.endpointPublicAccess": True, "vpcConfig.publicAccessCidrs": ["0.0.0.0/0"]}
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "open to 0.0.0.0/0" in messages(resources, RULE)


def test_a_public_endpoint_for_all_of_ipv6_fails() -> None:
    resources = changed(
        CLUSTER, {"vpcConfig.endpointPublicAccess": True, "vpcConfig.publicAccessCidrs": ["::/0"]}
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "open to ::/0" in messages(resources, RULE)


def test_saying_nothing_fails_because_the_default_is_open() -> None:
    resources = changed(CLUSTER, {}, without=("vpcConfig.endpointPublicAccess",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "the default" in messages(resources, RULE)
