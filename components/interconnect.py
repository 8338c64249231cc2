"""How GPUs of one replica talk to each other: NCCL's settings by link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from inferstack.catalog.types import InstanceType

Link = Literal["single", "nvlink", "pcie", "pcie-p2p"]
POD_INTERFACE: Final = "eth0"


def link_of(instance: InstanceType, gpus: int) -> Link:
    """Between the GPUs of one pod."""
    if gpus < 2:
        return "single"
    if instance.nvlink_gb_per_s > 0:
        return "nvlink"
    return "pcie-p2p" if "P2P" in instance.interconnect else "pcie"


def nccl_environment(link: Link, *, nodes: int, efa: bool) -> dict[str, str]:
    """Nothing for one GPU: NCCL is not used then.

    Over plain PCIe peers are not reachable in these instances; drivers that claim otherwise made vLLM hang
    (vllm-project/vllm#51513), and through host memory it works. Groups of nodes meet on the pods' interface;
    with EFA, libfabric carries the data where the image has it, and NCCL falls back to TCP where it has not.
    """
    if link == "single" and nodes < 2:
        return {}
    values = {"NCCL_DEBUG": "WARN"}
    if link == "pcie":
        values["NCCL_P2P_DISABLE"] = "1"
    if nodes > 1:
        values |= {"GLOO_SOCKET_IFNAME": POD_INTERFACE, "NCCL_SOCKET_IFNAME": POD_INTERFACE}
    if efa:
        values |= {"FI_EFA_USE_DEVICE_RDMA": "1", "FI_PROVIDER": "efa"}
    return values
