"""The zones an environment's network spans: those that sell the GPUs it needs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from inferstack.catalog.load import Catalog
from inferstack.errors import InputError, Problem
from inferstack.sizing.types import Candidate
from inferstack.spec.environment import Environment

CONTROL_PLANE_ZONES: Final = 2
"""EKS puts its control plane into subnets of at least two zones."""


def network_zones(environment: Environment, chosen: Sequence[Candidate], catalog: Catalog) -> tuple[str, ...]:
    """Zone ids of the network, sorted: as stated, else those with the most of the chosen instance types.

    InputError when the region has fewer than two zones that EKS can use, or a stated one it cannot use.
    """
    cloud = environment.cloud
    region = catalog.region(cloud.region)
    usable = [zone for zone in region.zones if zone not in region.control_plane_excluded_zones]
    if environment.network.existing is not None:
        # its subnets are where they are; those of the control plane were checked with the file
        return environment.zone_ids
    if isinstance(cloud.zones, tuple):
        return _stated(cloud.zones, usable, region.control_plane_excluded_zones)
    if len(usable) < CONTROL_PLANE_ZONES:
        raise InputError(
            Problem(
                path="cloud.region",
                message=f"{region.id} has {len(usable)} zones that EKS can use, its control plane needs two",
                value=region.id,
            )
        )
    count = min(max(cloud.zones, CONTROL_PLANE_ZONES), len(usable))
    wanted = {candidate.instance_type: candidate.zones for candidate in chosen}
    return max(itertools.combinations(sorted(usable), count), key=lambda zones: _worth(zones, wanted))


def _stated(zones: tuple[str, ...], usable: list[str], excluded: tuple[str, ...]) -> tuple[str, ...]:
    bad = [zone for zone in zones if zone not in usable]
    if bad:
        why = (
            "EKS cannot place its control plane there" if bad[0] in excluded else "no GPU type is sold there"
        )
        raise InputError(
            Problem(path="cloud.zones", message=why, value=bad[0], accepted=", ".join(sorted(usable)))
        )
    return tuple(sorted(zones))


def _worth(zones: tuple[str, ...], wanted: dict[str, tuple[str, ...]]) -> tuple[int, int, tuple[int, ...]]:
    """Instance types sold in at least one zone, then all (type, zone) pairs, then the first zones by name."""
    sold = [len(set(zones) & set(sellers)) for sellers in wanted.values()]
    names = tuple(-int("".join(filter(str.isdigit, zone.rpartition("az")[2])) or 0) for zone in zones)
    return sum(1 for count in sold if count), sum(sold), names
