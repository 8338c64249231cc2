"""Images of GPU nodes, AL2023 or Bottlerocket: their type, their disks, their boot settings.

Both bring driver and CUDA. AL2023 lacks the device plugin; Bottlerocket runs its own, has a second volume for
images and pods, and takes TOML where AL2023 takes a nodeadm document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from inferstack.render import render_text
from inferstack.sizing.load_time import pulls_in_parallel

if TYPE_CHECKING:
    from inferstack.catalog.types import InstanceType

NodeImage = Literal["al2023", "bottlerocket"]
TEMPLATES: Final = {
    "al2023": "nodeadm/node_config.mime.j2",
    "bottlerocket": "bottlerocket/settings.toml.j2",
}
OS_DEVICE: Final = "/dev/xvda"
DATA_DEVICE: Final = {"al2023": "/dev/xvda", "bottlerocket": "/dev/xvdb"}
"""Where images and pod storage are, without local NVMe disks."""
BOTTLEROCKET_OS_GIB: Final = 10
"""The image's own partitions; a volume may not be smaller than its snapshot."""
FAST_IOPS: Final = 4000
FAST_MIB_PER_S: Final = 600
"""What parallel pulls need of a volume: nodeadm documentation, FastImagePull."""


@dataclass(frozen=True, kw_only=True)
class NodeBoot:
    """What a node is told before it joins."""

    image: NodeImage
    raid: bool
    """Stripe the local NVMe disks and put images and pod storage there."""
    parallel_pull: bool
    device_plugin: bool = True
    """False: Bottlerocket's own device plugin stays off, because a DRA driver hands out the GPUs."""

    @property
    def text(self) -> str | None:
        """The user data, before encoding; None when the image's defaults are right."""
        own_plugin_off = self.image == "bottlerocket" and not self.device_plugin
        if not (self.raid or self.parallel_pull or own_plugin_off):
            return None
        values = {
            "raid": self.raid,
            "parallel_pull": self.parallel_pull,
            "device_plugin": self.device_plugin,
        }
        return render_text(TEMPLATES[self.image], values)


def node_boot(
    instance: InstanceType, image: NodeImage, *, raid: bool, device_plugin: bool = True
) -> NodeBoot:
    """Boot settings of an instance type; parallel pulls only where CPU and disk carry them."""
    return NodeBoot(
        image=image,
        raid=raid and instance.nvme_gb > 0,
        parallel_pull=pulls_in_parallel(instance),
        device_plugin=device_plugin,
    )


def ami_type(instance: InstanceType, image: NodeImage) -> str | None:
    """The EKS image type; None: EKS has no such image for the instance type."""
    return instance.ami_bottlerocket if image == "bottlerocket" else instance.ami_al2023


@dataclass(frozen=True, kw_only=True)
class Volume:
    """One gp3 volume of a node."""

    device: str
    gib: int
    fast: bool = False
    """Faster than gp3 comes: it holds the images."""
    iops: int = FAST_IOPS
    mib_per_s: int = FAST_MIB_PER_S

    def ebs(self) -> dict[str, Any]:
        """In the words of launch templates."""
        speed = {"iops": self.iops, "throughput": self.mib_per_s} if self.fast else {}
        kind = {"volumeType": "gp3", "volumeSize": self.gib, **speed}
        return {**kind, "encrypted": "true", "deleteOnTermination": "true"}


def volumes(image: NodeImage, *, data_gib: int, fast: bool) -> tuple[Volume, ...]:
    """The volume that holds images and pods, and Bottlerocket's own beside it."""
    data = Volume(device=DATA_DEVICE[image], gib=data_gib, fast=fast)
    return (Volume(device=OS_DEVICE, gib=BOTTLEROCKET_OS_GIB), data) if image == "bottlerocket" else (data,)
