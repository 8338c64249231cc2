"""INF-RES-003: subnets, volumes and reservations lie in zones of allowed regions."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.about import required_environment
from inferstack.policy.places import allowed, outside, zone_region
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource
from inferstack.view import View

KEYS = ("availabilityZone", "availabilityZoneId", "availabilityZones")


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    present = [key for key in KEYS if view.has(key)]
    if not present:
        yield not_applicable("it names no zone")
        return
    residency = required_environment(context, resource).residency
    if not residency:
        yield not_applicable("the environment states no residency")
        return
    for key in present:
        for zone in view.texts(key):
            region = zone_region(zone, context.knowledge)
            if not allowed(region, residency, context.knowledge):
                yield fail(f"{key} {zone}: {outside(region, residency)}")


RULE = ResourceRule(
    id="INF-RES-003",
    title="Zones belong to allowed regions",
    severity=Severity.HIGH,
    rationale="A zone fixes where disks and machines physically are, Local Zones included.",
    remediation="Choose zones of a region inside data.residency.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-regions-availability-zones.html",
    tags=("data", "region"),
    frameworks=("GDPR Art. 44",),
    types=("aws:*",),
    check=check,
)
