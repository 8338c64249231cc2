"""Simulated nodes: what EKS would register for the node groups and pools of a graph.

Labels, taints, sizes and zones are read from the graph (what would be deployed), capacity from the catalog.
What a kubelet then leaves to pods follows Karpenter's model, the most careful one in use: 7.5 % of nominal
memory for the hypervisor, 255 MiB + 11 MiB a pod slot and 6/1/0.5/0.25 % of CPU for kubelet, 100 MiB before
eviction. A pod that does not fit there would wait for ever on a node pool, whatever a lucky instance has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import cycle, islice
from math import ceil
from typing import Any

from inferstack.catalog.load import load_catalog
from inferstack.catalog.types import InstanceType
from inferstack.engine.graph import Graph
from inferstack.resources import Resource

VM_OVERHEAD = 0.075
CPU_SHARES = ((1, 0.06), (1, 0.01), (2, 0.005), (10_000, 0.0025))
"""Reserved of the first core, the second, the next two, the rest."""
SYSTEM_PODS = {"large": 29, "xlarge": 58, "2xlarge": 58}
MAX_PODS = 737
TAINT_EFFECTS = {
    "NO_SCHEDULE": "NoSchedule",
    "NO_EXECUTE": "NoExecute",
    "PREFER_NO_SCHEDULE": "PreferNoSchedule",
}


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What an instance type offers."""

    id: str
    vcpus: int
    memory_gib: float
    pods: int
    arch: str = "amd64"
    gpus: int = 0
    efa: int = 0
    storage_gib: int = 80


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Nodes of one kind: ``size`` of them, ``max_size`` at most, spread over ``zones``."""

    name: str
    machine: Machine
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, str], ...]
    zones: tuple[str, ...]
    size: int
    max_size: int
    workload: str | None
    """None: the system pool."""

    def nodes(self, count: int | None = None) -> list[dict[str, Any]]:
        """The first ``count`` nodes, zone after zone, as an Auto Scaling group balances them."""
        wanted = self.size if count is None else count
        return [self.node(index, zone) for index, zone in enumerate(islice(cycle(self.zones), wanted))]

    def node(self, index: int, zone: str) -> dict[str, Any]:
        name = f"{self.name}-{index}"
        allocatable = allocatable_of(self.machine)
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {**self._labels(name, zone), **self.labels}},
            "spec": {"taints": [dict(taint) for taint in self.taints]},
            "status": {"capacity": capacity_of(self.machine), "allocatable": allocatable},
        }

    def _labels(self, name: str, zone: str) -> dict[str, str]:
        gpu = {"nvidia.com/gpu.present": "true"} if self.machine.gpus else {}
        return {
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": self.machine.arch,
            "node.kubernetes.io/instance-type": self.machine.id,
            "topology.kubernetes.io/zone": zone,
            "topology.k8s.aws/zone-id": zone,
            **gpu,
        }


def capacity_of(machine: Machine) -> dict[str, str]:
    memory_mib = ceil(machine.memory_gib * 1024 * (1 - VM_OVERHEAD))
    return _resources(
        machine, cpu_m=machine.vcpus * 1000, memory_mib=memory_mib, storage_gib=machine.storage_gib
    )


def allocatable_of(machine: Machine) -> dict[str, str]:
    nominal = int(machine.memory_gib * 1024 * (1 - VM_OVERHEAD))
    memory_mib = nominal - (11 * machine.pods + 255) - 100
    storage = int(machine.storage_gib * 0.9) - 1
    return _resources(machine, cpu_m=_cpu_m(machine.vcpus), memory_mib=memory_mib, storage_gib=storage)


def _resources(machine: Machine, *, cpu_m: int, memory_mib: int, storage_gib: int) -> dict[str, str]:
    found = {
        "cpu": f"{cpu_m}m",
        "memory": f"{memory_mib}Mi",
        "ephemeral-storage": f"{storage_gib}Gi",
        "pods": str(machine.pods),
    }
    if machine.gpus:
        found["nvidia.com/gpu"] = str(machine.gpus)
    if machine.efa:
        found["vpc.amazonaws.com/efa"] = str(machine.efa)
    return found


def _cpu_m(vcpus: int) -> int:
    reserved, left = 0.0, vcpus
    for cores, share in CPU_SHARES:
        reserved += min(left, cores) * share
        left -= min(left, cores)
    return vcpus * 1000 - ceil(reserved * 1000)


@cache
def gpu_machine(instance_type: str) -> Machine:
    return machine_of(load_catalog().instance(instance_type))


def machine_of(instance: InstanceType) -> Machine:
    slots = instance.max_enis * (instance.ipv4_per_eni - 1) + 2
    return Machine(
        id=instance.id,
        vcpus=instance.vcpus,
        memory_gib=instance.memory_gib,
        pods=min(slots, MAX_PODS),
        arch="arm64" if instance.cpu_arch == "arm64" else "amd64",
        gpus=instance.gpu_count,
        storage_gib=instance.nvme_gb or 200,
    )


@cache
def system_machine(instance_type: str) -> Machine:
    instance = load_catalog().cpu_instance(instance_type)
    size = instance_type.partition(".")[2]
    return Machine(
        id=instance_type, vcpus=instance.vcpus, memory_gib=instance.memory_gib, pods=SYSTEM_PODS[size]
    )


def pools(graph: Graph) -> list[Pool]:
    """All node groups of an environment, the system's first."""
    environment = next(iter(graph.of_type("inferstack:index:InferenceEnvironment")))
    facts = {one.name: one.inputs for one in graph.of_type("inferstack:index:GpuPool")}
    found = [
        _pool(group, facts.get(group.name), tuple(environment.inputs["zones"]))
        for group in graph.of_type("aws:eks/nodeGroup:NodeGroup")
    ]
    return sorted(found, key=lambda pool: pool.workload or "")


def _pool(group: Resource, facts: Mapping[str, Any] | None, zones: tuple[str, ...]) -> Pool:
    inputs: Mapping[str, Any] = group.inputs
    scaling = inputs["scalingConfig"]
    if facts is None:
        machine = system_machine(inputs["instanceTypes"][0])
    else:
        machine = replace(gpu_machine(facts["instanceType"]), efa=facts["efaInterfaces"])
    return Pool(
        name=group.name,
        machine=machine,
        labels=dict(inputs["labels"]),
        taints=tuple(_taint(taint) for taint in inputs.get("taints", ())),
        zones=tuple(facts["zones"]) if facts else zones,
        size=int(facts["nodes"] if facts else scaling["desiredSize"]),
        max_size=int(scaling["maxSize"]),
        workload=facts["workload"] if facts else None,
    )


def _taint(taint: Mapping[str, str]) -> dict[str, str]:
    return {"key": taint["key"], "value": taint.get("value", ""), "effect": TAINT_EFFECTS[taint["effect"]]}


def unused(pool: Pool, taken: set[str]) -> Iterator[dict[str, Any]]:
    """Nodes the group could still start, up to its maximum."""
    for node in pool.nodes(pool.max_size):
        if node["metadata"]["name"] not in taken:
            yield node
