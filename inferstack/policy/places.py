"""Where things are: regions in ARNs, host names and zones, and whether a place satisfies a residency rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from inferstack.view import Undecided

if TYPE_CHECKING:
    from inferstack.catalog.types import Region
    from inferstack.policy.types import Knowledge

_REGION = r"[a-z]{2,4}(?:-[a-z]+){1,3}-\d"
_ARN: Final = re.compile(rf"arn:aws[a-z-]*:[a-z0-9-]*:({_REGION}):")
_AWS_HOST: Final = re.compile(
    rf"(?<![a-z0-9])({_REGION})\.(?:[a-z0-9-]+\.)*(?:amazonaws\.com|api\.aws|on\.aws)"
)
_ZONE_NAME: Final = re.compile(rf"({_REGION})(?:-[a-z]{{3}}-\d)?[a-z]")


def arn_regions(text: str) -> Iterator[str]:
    """Regions of the ARNs in a text; global ARNs (IAM, S3) have none."""
    return (match[1] for match in _ARN.finditer(text))


def host_regions(text: str) -> Iterator[str]:
    """Regions of the AWS host names in a text (``123.dkr.ecr.us-east-1.amazonaws.com``)."""
    return (match[1] for match in _AWS_HOST.finditer(text))


def named_regions(text: str, knowledge: Knowledge) -> Iterator[str]:
    """Real regions that stand as a word in a text, such as a bucket name."""
    for region in knowledge.regions():
        if re.search(rf"(?<![a-z0-9]){region.id}(?![a-z0-9])", text):
            yield region.id


def zone_region(zone: str, knowledge: Knowledge) -> str:
    """The region of a zone name (``eu-central-1a``) or zone id (``euc1-az2``); Undecided for neither."""
    named = _ZONE_NAME.fullmatch(zone)
    if named:
        return named[1]
    prefix, separator, _ = zone.partition("-az")
    for region in knowledge.regions() if separator else ():
        if any(known.partition("-az")[0] == prefix for known in region.zones):
            return region.id
    raise Undecided(f"the region of zone {zone} is not established")


def satisfies(region: Region, residency: Sequence[str]) -> bool:
    """A region satisfies a rule when one of the groups, countries or regions it names holds it."""
    groups = {group.casefold() for group in (*region.groups, region.id)}
    return not residency or any(place.casefold() in groups for place in residency)


def allowed(region_id: str, residency: Sequence[str], knowledge: Knowledge) -> bool:
    """Whether data may be in a region; Undecided when the catalog does not know the region."""
    if not residency:
        return True
    region = knowledge.region(region_id)
    if region is None:
        raise Undecided(f"the country of region {region_id} is not established")
    return satisfies(region, residency)


def outside(region_id: str, residency: Sequence[str]) -> str:
    """How a message says that a region breaks the rule."""
    return f"{region_id} is outside {' or '.join(residency)}"
