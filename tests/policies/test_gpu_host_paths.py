"""INF-GPU-010: pods mount nothing from their node."""

from __future__ import annotations

import pytest
from policy_graphs import DEPLOYMENT, JOB, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-GPU-010"
POD = "spec.template.spec"


def test_the_compliant_environment_passes() -> None:
    assert outcome(compliant(), RULE) is Outcome.PASS


@pytest.mark.parametrize("urn", [DEPLOYMENT, JOB])
def test_a_path_of_the_node_fails(urn: str) -> None:
    volume = {"name": "cache", "hostPath": {"path": "/mnt/k8s-disks/0"}}
    resources = changed(urn, {f"{POD}.volumes": [volume]})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "volume cache is a path of the node (/mnt/k8s-disks/0)" in messages(resources, RULE)
