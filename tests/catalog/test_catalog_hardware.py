"""GPUs and EC2 instance types: complete, physically sensible, and traps marked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.catalog.types import Accelerator, InstanceType

CATALOG = load_catalog()
GPUS = CATALOG.accelerators()
INSTANCES = CATALOG.instances()

MEASURED_CUDA_GIB = {
    "T4": 14.56,
    "V100-16GB": 15.77,
    "A10G": 22.0,
    "L4": 22.0,
    "L40S": 44.4,
    "A100-40GB": 39.4,
    "A100-80GB": 79.2,
    "H100": 79.2,
    "H200": 139.81,
    "B200": 178.4,
    "GB200": 184.31,
    "RTX-PRO-6000": 94.97,
    "RTX-3090": 23.55,
    "RTX-5090": 31.35,
}


@pytest.mark.parametrize("gpu", GPUS, ids=lambda gpu: gpu.id)
def test_a_gpu_is_complete(gpu: Accelerator) -> None:
    assert gpu.sources
    assert gpu.cuda_memory_basis
    assert gpu.vllm is not None
    assert isinstance(gpu.compute_capability, Decimal)
    marketing_gib = gpu.memory_gb_marketing * 1.0
    assert 0.88 * marketing_gib < gpu.cuda_memory_gib < marketing_gib
    if gpu.id != "RTX-PRO-4500":
        assert gpu.memory_bandwidth_gb_per_s
        assert gpu.fp16_dense_tflops


@pytest.mark.parametrize(("name", "gib"), MEASURED_CUDA_GIB.items())
def test_cuda_memory_is_what_logs_show(name: str, gib: float) -> None:
    assert CATALOG.accelerator(name).cuda_memory_gib == pytest.approx(gib, abs=0.06)


@pytest.mark.parametrize("gpu", [gpu for gpu in GPUS if gpu.memory_mib_aws_api], ids=lambda gpu: gpu.id)
def test_cuda_never_reports_more_than_the_ec2_api(gpu: Accelerator) -> None:
    assert gpu.memory_mib_aws_api is not None
    assert gpu.cuda_memory_gib < gpu.memory_mib_aws_api / 1024


@pytest.mark.parametrize("gpu", GPUS, ids=lambda gpu: gpu.id)
def test_kernel_support_follows_the_generation(gpu: Accelerator) -> None:
    support, generation = gpu.vllm, gpu.compute_capability
    assert support is not None
    assert support.image_runs == (generation >= Decimal("7.5"))
    assert support.bf16 == (generation >= 8)
    assert support.fp8_w8a8_native == (generation >= Decimal("8.9"))
    assert support.nvfp4_native_w4a4 == (generation >= 10)
    if generation >= 10:
        assert not support.int8_w8a8
    assert (gpu.bf16_dense_tflops is not None) == (support.bf16 and gpu.fp16_dense_tflops is not None)
    if support.fp8_w8a8_native and gpu.fp16_dense_tflops:
        assert gpu.fp8_dense_tflops is not None
        assert gpu.fp8_dense_tflops >= 1.9 * gpu.fp16_dense_tflops


def test_families_and_gpus_name_each_other() -> None:
    by_gpu = {(instance.gpu, instance.family) for instance in INSTANCES}
    assert by_gpu == {(gpu.id, family) for gpu in GPUS for family in gpu.aws_families}


def test_all_gpu_instance_types_are_there() -> None:
    assert len(INSTANCES) == 63
    assert len({instance.family for instance in INSTANCES}) == 19


@pytest.mark.parametrize("instance", INSTANCES, ids=lambda instance: instance.id)
def test_an_instance_is_complete(instance: InstanceType) -> None:
    assert CATALOG.accelerator(instance.gpu).id == instance.gpu
    assert instance.id.startswith(instance.family + ".")
    assert instance.sources
    assert instance.gpu_count >= 1
    assert min(instance.vcpus, instance.memory_gib, instance.network_gbps, instance.max_enis) > 0
    assert instance.efa_max_interfaces <= max(instance.network_cards, 1)
    assert (instance.nvme_gb > 0) == (instance.nvme_disks > 0)
    assert instance.ebs_baseline_mbps <= (instance.ebs_max_mbps or instance.ebs_baseline_mbps)
    for region, zones in instance.zones.items():
        known = CATALOG.region(region).zones
        assert zones
        assert set(known) >= set(zones)


@pytest.mark.parametrize("instance", INSTANCES, ids=lambda instance: instance.id)
def test_nvlink_is_stated_only_where_the_gpu_has_it(instance: InstanceType) -> None:
    gpu = CATALOG.accelerator(instance.gpu)
    assert instance.nvlink_gb_per_s <= gpu.nvlink_gb_per_s_bidirectional
    if instance.gpu_count > 1:
        assert instance.nvlink_gb_per_s == gpu.nvlink_gb_per_s_bidirectional


@pytest.mark.parametrize(
    ("instance", "reason"),
    [
        ("g7.2xlarge", "driver 595"),
        ("p3.2xlarge", "sm_70"),
        ("p3dn.24xlarge", "sm_70"),
        ("g6f.2xlarge", "fractional"),
        ("gr6f.4xlarge", "fractional"),
        ("p5e.48xlarge", "no On-Demand price"),
        ("p6e-gb200.36xlarge", "UltraServer"),
    ],
)
def test_a_trap_is_excluded_with_its_reason(instance: str, reason: str) -> None:
    assert reason in (CATALOG.instance(instance).exclusion or "")


def test_everything_else_can_be_planned() -> None:
    plannable = {instance.family for instance in INSTANCES if instance.exclusion is None}
    assert plannable == {
        "g4dn",
        "g5",
        "g6",
        "gr6",
        "g6e",
        "g7e",
        "p4d",
        "p4de",
        "p5",
        "p5en",
        "p6-b200",
        "p6-b300",
    }
    for instance in INSTANCES:
        if instance.exclusion is None:
            assert instance.vllm_supported
            assert instance.gpu_fraction == 1
            assert instance.ami_al2023
            assert not instance.capacity_block_only


@pytest.mark.parametrize(
    ("instance", "efa"),
    [
        ("p4d.24xlarge", 4),
        ("p5.48xlarge", 32),
        ("p5en.48xlarge", 16),
        ("p6-b200.48xlarge", 8),
        ("g6e.48xlarge", 4),
        ("g6e.xlarge", 0),
    ],
)
def test_efa_interfaces_of_known_types(instance: str, efa: int) -> None:
    assert CATALOG.instance(instance).efa_max_interfaces == efa


def test_quota_families_differ_between_g_and_p() -> None:
    assert CATALOG.instance("g6e.xlarge").quota_on_demand == "L-DB2E81BA"
    assert CATALOG.instance("p5.48xlarge").quota_on_demand == "L-417A185B"
    assert CATALOG.instance("p5.48xlarge").quota_spot == "L-C4BD4855"
    assert CATALOG.instance("p6-b200.48xlarge").quota_spot is None


def test_cpu_types_for_system_nodes_have_four_gib_per_vcpu() -> None:
    assert {"m6i.2xlarge", "m5.2xlarge", "m6a.2xlarge", "m5a.2xlarge", "m7i.2xlarge"} <= {
        c.id for c in CATALOG.cpu_instances()
    }
    for cpu in CATALOG.cpu_instances():
        assert cpu.memory_gib == 4 * cpu.vcpus
        assert cpu.cpu_arch == ("arm64" if cpu.family.endswith("g") else "x86_64")
