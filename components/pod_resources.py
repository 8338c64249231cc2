"""What one serving pod asks of its node: GPUs, CPU, memory, shared memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from components import kube
from components.interconnect import link_of

if TYPE_CHECKING:
    from components.interconnect import Link
    from inferstack.catalog.types import InstanceType
    from inferstack.sizing.types import Candidate

HYPERVISOR_SHARE: Final = 0.075
"""Of nominal memory that never reaches the node; Karpenter assumes as much before it has seen one."""
KUBELET_MIB: Final = 355
KUBELET_MIB_PER_POD: Final = 11
"""Reserved by the EKS image, with the eviction threshold; it counts pod slots, not pods."""
MOST_POD_SLOTS: Final = 737
DAEMONS_GIB: Final = 1.25
DAEMONS_CPU: Final = 1.3
"""Device plugin, DCGM, CNI, CSI, log and node agents; of CPU kubelet's reservation too."""
SHM_GIB: Final = 2
SHM_PARALLEL_GIB: Final = 16
STREAMER_SHARE: Final = 0.3
STREAMER_LIMIT_GIB: Final = 20
GIB: Final = 1024**3


@dataclass(frozen=True, kw_only=True)
class PodResources:
    gpus: int
    cpus: int
    memory_gib: int
    shm_gib: int
    efa_interfaces: int
    link: Link = "single"
    """Between the GPUs of the pod."""
    claimed: bool = False
    """GPUs come by a device claim instead of a count."""

    @property
    def streamer_bytes_per_gpu(self) -> int:
        """Host buffer of the weights streamer, per process: all of them must fit in the pod's memory."""
        share = self.memory_gib * STREAMER_SHARE / self.gpus
        return int(min(share, STREAMER_LIMIT_GIB) * GIB)

    def within(self, other: PodResources) -> PodResources:
        """The most that fits both kinds of node."""
        return replace(
            self,
            cpus=min(self.cpus, other.cpus),
            memory_gib=min(self.memory_gib, other.memory_gib),
            shm_gib=min(self.shm_gib, other.shm_gib),
        )

    def document(self) -> dict[str, Any]:
        """Memory is bounded, CPU is not: throttling an engine's scheduler thread stalls its GPUs."""
        devices = {} if self.claimed else {kube.GPU_RESOURCE: str(self.gpus)}
        if self.efa_interfaces:
            devices[kube.EFA_RESOURCE] = str(self.efa_interfaces)
        memory = {"memory": f"{self.memory_gib}Gi"}
        claims = {"claims": [{"name": kube.GPU_CLAIM}]} if self.claimed else {}
        return {
            **claims,
            "requests": {"cpu": str(self.cpus), "ephemeral-storage": "10Gi", **memory, **devices},
            "limits": {**memory, **devices},
        }


def pod_resources(instance: InstanceType, candidate: Candidate, *, efa_interfaces: int = 0) -> PodResources:
    """The node divided by its replicas, after what the system takes."""
    gpus = max(1, candidate.gpus // candidate.nodes_per_replica)
    share = max(1, candidate.replicas_per_node)
    memory = int((_allocatable_gib(instance) - DAEMONS_GIB) / share)
    cpus = int((instance.vcpus - DAEMONS_CPU) / share)
    shm = min(SHM_PARALLEL_GIB, max(SHM_GIB, memory // 4)) if gpus > 1 else SHM_GIB
    return PodResources(
        gpus=gpus,
        cpus=max(1, cpus),
        memory_gib=max(1, memory),
        shm_gib=shm,
        efa_interfaces=efa_interfaces,
        link=link_of(instance, gpus),
    )


def _allocatable_gib(instance: InstanceType) -> float:
    """Memory that kubelet leaves to pods, at worst."""
    slots = min(MOST_POD_SLOTS, instance.max_enis * (instance.ipv4_per_eni - 1) + 2)
    reserved_mib = KUBELET_MIB + KUBELET_MIB_PER_POD * slots
    return instance.memory_gib * (1 - HYPERVISOR_SHARE) - reserved_mib / 1024
