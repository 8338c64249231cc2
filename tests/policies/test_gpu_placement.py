"""INF-GPU-006: pods with GPUs name their nodes, and nothing else tolerates GPU taints."""

from __future__ import annotations

from policy_graphs import DEPLOYMENT, JOB, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-GPU-006"
POD = "spec.template.spec"


def test_the_compliant_environment_passes() -> None:
    assert outcome(compliant(), RULE) is Outcome.PASS


def test_any_node_fails() -> None:
    resources = changed(DEPLOYMENT, {}, without=(f"{POD}.nodeSelector",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "asks for GPUs of any node" in messages(resources, RULE)


def test_required_affinity_is_as_good_as_a_selector() -> None:
    terms = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "x", "operator": "Exists"}]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    resources = changed(DEPLOYMENT, {f"{POD}.affinity": affinity}, without=(f"{POD}.nodeSelector",))
    assert outcome(resources, RULE) is Outcome.PASS


def test_no_toleration_fails() -> None:
    resources = changed(DEPLOYMENT, {}, without=(f"{POD}.tolerations",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "does not tolerate the taint" in messages(resources, RULE)


def test_tolerating_everything_fails() -> None:
    resources = changed(JOB, {f"{POD}.tolerations": [{"operator": "Exists"}]})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "tolerates every taint" in messages(resources, RULE)


def test_a_pod_without_gpus_on_gpu_nodes_fails() -> None:
    resources = changed(JOB, {f"{POD}.tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}]})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "uses none of their GPUs" in messages(resources, RULE)
