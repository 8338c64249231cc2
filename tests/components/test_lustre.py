"""How large a Lustre file system is, how fast, and what that makes of a cold start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.lifecycle import lifecycle
from inferstack.catalog.load import load_catalog
from inferstack.sizing.load_time import load_time, pulls_in_parallel
from inferstack.sizing.lustre import lustre_gb_per_s, lustre_gib
from inferstack.sizing.plan import plan_workload
from tests.components import builders

CATALOG = load_catalog()


@pytest.mark.parametrize(
    ("weights_gib", "capacity_gib"),
    [(0, 1200), (68, 1200), (1000, 1200), (1001, 2400), (2000, 2400), (2001, 4800), (4100, 7200)],
)
def test_capacity_comes_in_steps_and_leaves_a_fifth(weights_gib: float, capacity_gib: int) -> None:
    assert lustre_gib(weights_gib) == capacity_gib


def test_throughput_grows_with_capacity() -> None:
    # 1,200 GiB are 1.171875 TiB of 1,000 MB/s each
    assert lustre_gb_per_s() == pytest.approx(1.171875)
    assert lustre_gb_per_s(2400) == pytest.approx(2 * lustre_gb_per_s())


def seconds(name: str, gib: float, files: float | None) -> float:
    instance = CATALOG.instance(name)
    return load_time(
        instance,
        builders.FIT,
        weights_gib=gib,
        gpus_per_node=instance.gpu_count,
        replicas_per_node=1,
        eager=True,
        file_system_gb_per_s=files,
    ).weights_s


def test_a_file_system_slower_than_the_network_sets_the_load_time() -> None:
    # 640 GiB = 687.19 GB; at 1.171875 GB/s 586.4 s, and 15 s to start
    assert seconds("p5en.48xlarge", 640, lustre_gb_per_s()) == pytest.approx(601.4, abs=0.1)
    assert seconds("p5en.48xlarge", 640, None) < 60


def test_a_slow_network_stays_what_it_is() -> None:
    assert seconds("g6.xlarge", 15, lustre_gb_per_s()) == seconds("g6.xlarge", 15, None)


def test_parallel_pulls_need_cpu_and_a_disk_that_keeps_up() -> None:
    small, large = CATALOG.instance("g6.xlarge"), CATALOG.instance("g6.2xlarge")
    assert not pulls_in_parallel(small)
    assert pulls_in_parallel(large)
    slow = large.model_copy(update={"nvme_gb": 0, "ebs_baseline_mbps": 4000})
    assert not pulls_in_parallel(slow)
    assert pulls_in_parallel(slow.model_copy(update={"ebs_baseline_mbps": 6000}))


def test_plan_and_probes_follow_the_store() -> None:
    served = builders.workload("chat", "meta-llama/Llama-3.3-70B-Instruct")
    spec = builders.environment("prod-eu")
    lustre = builders.environment("prod-eu", modelStore={"fileSystem": "fsx-lustre"})
    streamed, read = (plan_workload(served, place, CATALOG) for place in (spec, lustre))
    assert replace(read, load_time=streamed.load_time) == streamed
    assert read.load_time.weights_s > streamed.load_time.weights_s
    assert lifecycle(read).progress_s >= lifecycle(streamed).progress_s
