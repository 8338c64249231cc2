"""INF-GPU-002: servers over several GPUs have shared memory, bounded by what the container may use."""

from __future__ import annotations

from policy_graphs import DEPLOYMENT, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-GPU-002"
POD = "spec.template.spec"
CONTAINER = "spec.template.spec.containers.0"


def test_the_compliant_environment_passes() -> None:
    assert outcome(compliant(), RULE) is Outcome.PASS


def test_no_volume_fails() -> None:
    resources = changed(DEPLOYMENT, {}, without=(f"{POD}.volumes",))
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "no memory volume at /dev/shm" in messages(resources, RULE)


def test_a_volume_on_disk_fails() -> None:
    resources = changed(DEPLOYMENT, {f"{POD}.volumes.0.emptyDir": {"sizeLimit": "16Gi"}})
    assert outcome(resources, RULE) is Outcome.FAIL


def test_a_volume_mounted_elsewhere_fails() -> None:
    resources = changed(DEPLOYMENT, {f"{CONTAINER}.volumeMounts.0.mountPath": "/cache"})
    assert outcome(resources, RULE) is Outcome.FAIL


def test_no_size_fails() -> None:
    resources = changed(DEPLOYMENT, {f"{POD}.volumes.0.emptyDir": {"medium": "Memory"}})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "no sizeLimit" in messages(resources, RULE)


def test_a_size_that_fills_the_container_fails() -> None:
    resources = changed(DEPLOYMENT, {f"{POD}.volumes.0.emptyDir.sizeLimit": "61440Mi"})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "all of its memory limit" in messages(resources, RULE)


def test_one_gpu_needs_none() -> None:
    one = {"limits": {"nvidia.com/gpu": "1", "memory": "60Gi"}}
    resources = changed(DEPLOYMENT, {f"{CONTAINER}.resources": one}, without=(f"{POD}.volumes",))
    assert outcome(resources, RULE) is Outcome.PASS
