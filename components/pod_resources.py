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

ALLOCATABLE_SHARE: Final = 0.92
"""Firmware and kernel take some of the nominal memory, kubelet reserves by pod count."""
DAEMONS_GIB: Final = 2.5
DAEMONS_CPU: Final = 1.3
"""Device plugin, DCGM, CNI, CSI, log and node agents, kubelet's reservation."""
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
    gpus = max(1, candidate.tp * candidate.pp // candidate.nodes_per_replica)
    share = max(1, candidate.replicas_per_node)
    memory = int((instance.memory_gib * ALLOCATABLE_SHARE - DAEMONS_GIB) / share)
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
