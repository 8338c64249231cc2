"""Whether AWS offers the planned instance types in the planned zones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from inferstack.preflight.needs import Pool
from inferstack.preflight.types import Check, Finding, Status, Subject

Offered = Mapping[str, frozenset[str]]
"""Instance type → zone ids."""


def _run(subject: Subject) -> Iterator[Finding]:
    needs = subject.needs
    types = {name for pool in needs.pools for name in (pool.instance_type, *pool.instance_types)}
    types |= {name for cluster in needs.clusters for name in cluster.system_types}
    offered = _offered(sorted(types), subject) if types else {}
    for pool in needs.pools:
        yield _pool(pool, offered, needs.region)
    for cluster in needs.clusters:
        if cluster.system_types:
            yield _system(cluster.system_types, needs.zones, offered, needs.region)


def _offered(types: Sequence[str], subject: Subject) -> Offered:
    found: dict[str, set[str]] = {name: set() for name in types}
    for offering in subject.account.pages(
        "ec2",
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        LocationType="availability-zone-id",
        Filters=[{"Name": "instance-type", "Values": list(types)}],
    ):
        found.setdefault(offering["InstanceType"], set()).add(offering["Location"])
    return {name: frozenset(zones) for name, zones in found.items()}


def _pool(pool: Pool, offered: Offered, region: str) -> Finding:
    others = [name for name in pool.instance_types if name != pool.instance_type]
    first = offered[pool.instance_type]
    missing = [zone for zone in pool.zones if zone not in first]
    lost = [name for name in others if not offered[name] & set(pool.zones)]
    where = f"{region}, workload {pool.workload}"
    if missing:
        elsewhere = f"; it is in {', '.join(sorted(first))}" if first else f"; no zone of {region} has it"
        fix = f"cloud.zones or capacity.zones with only zones that offer it{elsewhere}"
        everywhere = len(missing) == len(pool.zones) and not pool.standby
        status = Status.FAIL if everywhere else Status.WARN
        what = f"{pool.instance_type} is not offered in {', '.join(missing)}"
        return Finding(check="offering", status=status, what=what, where=where, fix=fix)
    if lost:
        what = f"{', '.join(lost)} (second choice) is not offered in {', '.join(pool.zones)}"
        fix = "nothing if the first choice suffices; else capacity.allowInstanceTypes with types offered here"
        return Finding(check="offering", status=Status.WARN, what=what, where=where, fix=fix)
    what = f"{', '.join((pool.instance_type, *others))} in {', '.join(pool.zones)}"
    return Finding(check="offering", status=Status.OK, what=what, where=where)


def _system(types: Sequence[str], zones: Sequence[str], offered: Offered, region: str) -> Finding:
    bare = [zone for zone in zones if not any(zone in offered[name] for name in types)]
    return Finding(
        check="offering",
        status=Status.FAIL if bare else Status.OK,
        what=f"none of {', '.join(types)} is offered in {', '.join(bare)}"
        if bare
        else f"system nodes ({', '.join(types)}) in {', '.join(zones)}",
        where=region,
        fix="cloud.zones without these zones" if bare else None,
    )


OFFERING = Check(id="offering", title="Instance types are offered in the planned zones", run=_run)
