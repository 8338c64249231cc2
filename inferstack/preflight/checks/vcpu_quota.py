"""vCPU quotas of the planned instance families, less what other instances already use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inferstack.errors import InputError
from inferstack.preflight.needs import OWN_TAG, ClusterNeeds, Pool
from inferstack.preflight.quotas import STANDARD, Quota, limit, quotas, request_line
from inferstack.preflight.types import Check, Finding, Status, Subject

RUNNING = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]


@dataclass
class _Demand:
    """vCPU that an environment asks of one quota."""

    planned: int = 0
    most: int = 0
    """With every node group at its maximum: rollouts and autoscaling reach this."""

    def add(self, vcpus: int, nodes: int, max_nodes: int) -> None:
        self.planned += vcpus * nodes
        self.most += vcpus * max(nodes, max_nodes)


def _run(subject: Subject) -> Iterator[Finding]:
    demands: dict[str, _Demand] = defaultdict(_Demand)
    for pool in subject.needs.pools:
        code = None if pool.reserved else _code(pool, subject)
        if code is not None:
            demands[code].add(
                _vcpus(pool.instance_types, subject), pool.planned_nodes, pool.max_nodes + pool.warm_nodes
            )
        elif not pool.reserved:
            yield _no_code(pool, subject)
    for cluster in subject.needs.clusters:
        _add_system_nodes(demands, cluster, subject)
    instances = tuple(_others(subject)) if demands else ()
    for code, demand in demands.items():
        yield _judge(quotas()[code], demand, instances, subject)


def _code(pool: Pool, subject: Subject) -> str | None:
    instance = subject.catalog.instance(pool.instance_type)
    code = instance.quota_spot if pool.purchase == "spot" else instance.quota_on_demand
    return code if code in quotas() else None


def _vcpus(types: tuple[str, ...], subject: Subject) -> int:
    """Of the largest type that may start."""
    return max(_vcpus_of(name, subject) for name in types)


def _vcpus_of(name: str, subject: Subject) -> int:
    try:
        return subject.catalog.instance(name).vcpus
    except InputError:
        return subject.catalog.cpu_instance(name).vcpus


def _add_system_nodes(demands: dict[str, _Demand], cluster: ClusterNeeds, subject: Subject) -> None:
    if cluster.system_types:
        vcpus = _vcpus(cluster.system_types, subject)
        demands[STANDARD["on-demand"]].add(vcpus, cluster.system_nodes, cluster.system_nodes_max)


def _others(subject: Subject) -> Iterator[Mapping[str, Any]]:
    """Running instances that are not this environment's own."""
    for reservation in subject.account.pages("ec2", "describe_instances", "Reservations", Filters=RUNNING):
        for instance in reservation["Instances"]:
            tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
            if tags.get(OWN_TAG) != subject.needs.environment:
                yield instance


def _used(quota: Quota, instances: tuple[Mapping[str, Any], ...], subject: Subject) -> int:
    used = 0
    for instance in instances:
        kind = "spot" if instance.get("InstanceLifecycle") == "spot" else "on-demand"
        if quota.counts(instance["InstanceType"], kind):
            cpu = instance.get("CpuOptions", {})
            cores, threads = cpu.get("CoreCount"), cpu.get("ThreadsPerCore")
            used += cores * threads if cores and threads else _vcpus_of(instance["InstanceType"], subject)
    return used


def _judge(
    quota: Quota, demand: _Demand, instances: tuple[Mapping[str, Any], ...], subject: Subject
) -> Finding:
    allowed, used = limit(subject.account, quota), _used(quota, instances, subject)
    free = allowed - used
    status = Status.FAIL if free < demand.planned else Status.WARN if free < demand.most else Status.OK
    taken = f", {used:,} used by others" if used else ""
    up_to = (
        f" and up to {demand.most:,} in rollouts and when scaled out" if demand.most > demand.planned else ""
    )
    return Finding(
        check="vcpu-quota",
        status=status,
        what=f"{quota} is {allowed:,.0f} vCPU{taken}; needed: {demand.planned:,}{up_to}",
        where=subject.needs.region,
        fix=None if status is Status.OK else request_line(quota, subject.needs.region, used + demand.most),
    )


def _no_code(pool: Pool, subject: Subject) -> Finding:
    return Finding(
        check="vcpu-quota",
        status=Status.UNKNOWN,
        what=f"which quota {pool.purchase} {pool.instance_type} counts against is not established",
        where=f"{subject.needs.region}, workload {pool.workload}",
        fix=f"look for {pool.instance_type.partition('.')[0]} in:"
        f" aws service-quotas list-service-quotas --service-code ec2 --region {subject.needs.region}",
    )


VCPU_QUOTA = Check(id="vcpu-quota", title="vCPU quotas hold the planned instances", run=_run)
