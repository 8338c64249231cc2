"""A Lustre file system in front of the weights bucket: how large, and how fast its files are read.

FSx for Lustre, persistent SSD: 1,200 GiB, then steps of 2,400; throughput grows with size (FSx for Lustre
user guide, performance of SSD storage, read 2026-11-24).
"""

from __future__ import annotations

from math import ceil
from typing import Final

SMALLEST_GIB: Final = 1200
STEP_GIB: Final = 2400
MB_PER_S_PER_TIB: Final = 1000
"""The fastest of the four classes: slower ones lose to streaming from S3."""
HEADROOM: Final = 1.2
"""The next release of a model stands beside the old one while it rolls out."""


def lustre_gib(weights_gib: float) -> int:
    """The capacity that holds these weights."""
    wanted = weights_gib * HEADROOM
    return SMALLEST_GIB if wanted <= SMALLEST_GIB else ceil(wanted / STEP_GIB) * STEP_GIB


def lustre_gb_per_s(capacity_gib: int = SMALLEST_GIB) -> float:
    """What all readers together get; the smallest system by default, since another may be no larger."""
    return MB_PER_S_PER_TIB * capacity_gib / 1024 / 1000
