"""Room on a node, by arithmetic: for types that no example uses, too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.pod_resources import pod_resources
from inferstack.catalog.load import load_catalog
from tests.cluster import nodes, system
from tests.components import builders

GPU_DAEMONS_MIB = 64 + 256 + 32
GPU_DAEMONS_CPU_M = 50 + 100 + 10
"""Device plugin, DCGM exporter, EFA plugin, by our chart values."""
TYPES = [one.id for one in load_catalog().instances() if one.gpu_fraction >= 1]


@pytest.mark.parametrize("name", TYPES)
def test_a_server_of_the_whole_node_fits_beside_the_daemons(name):
    instance = load_catalog().instance(name)
    chosen = replace(builders.CANDIDATE, instance_type=name, tp=instance.gpu_count, replicas_per_node=1)
    wanted = pod_resources(instance, chosen)
    offered = nodes.allocatable_of(nodes.machine_of(instance))
    daemons = [one.requests for one in system.addons() if one.daemon]
    memory_mib = sum(int(one["memory"].removesuffix("Mi")) for one in daemons) + GPU_DAEMONS_MIB
    cpu_m = sum(int(one["cpu"].removesuffix("m")) for one in daemons) + GPU_DAEMONS_CPU_M
    assert wanted.memory_gib * 1024 + memory_mib <= int(offered["memory"].removesuffix("Mi"))
    assert wanted.cpus * 1000 + cpu_m <= int(offered["cpu"].removesuffix("m"))
