"""A VPC and a cluster that are not made here: there, in the stated zones, and as the components need them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final

from inferstack.preflight.aws import ApiError
from inferstack.preflight.checks.cluster import existing_cluster
from inferstack.preflight.needs import AdoptedVpc, ClusterNeeds
from inferstack.preflight.types import Check, Finding, Status, Subject

NEEDED_ADDONS: Final = frozenset(
    {"aws-ebs-csi-driver", "coredns", "eks-pod-identity-agent", "kube-proxy", "vpc-cni"}
)
FEW_ADDRESSES: Final = 64
"""A node of 8 GPUs with its pods can take this many."""
_Verdict = tuple[Status, str, str | None]


def _run(subject: Subject) -> Iterator[Finding]:
    for vpc in subject.needs.adopted_vpcs:
        for status, what, fix in _vpc(vpc, subject):
            yield _finding(subject, status, what, fix)
    for cluster in subject.needs.clusters:
        if cluster.existing:
            for status, what, fix in _cluster(cluster, subject):
                yield _finding(subject, status, what, fix)


def _vpc(vpc: AdoptedVpc, subject: Subject) -> Iterator[_Verdict]:
    held = [{"Name": "vpc-id", "Values": [vpc.id]}]
    found = {one["SubnetId"]: one for one in _read(subject, "describe_subnets", "Subnets", held)}
    if not found and not list(_read(subject, "describe_vpcs", "Vpcs", held)):
        yield Status.FAIL, f"{vpc.id} is not in this account and region", "network.existing.vpcId"
        return
    problems = [problem for name in vpc.subnets for problem in _subnet(name, found.get(name), vpc, subject)]
    yield from problems or [(Status.OK, f"{vpc.id} and its {len(vpc.subnets)} subnets are there", None)]


def _subnet(
    name: str, found: Mapping[str, Any] | None, vpc: AdoptedVpc, subject: Subject
) -> Iterator[_Verdict]:
    if found is None:
        yield Status.FAIL, f"{name} is not in {vpc.id}", "network.existing with subnets of that VPC"
    elif found["AvailableIpAddressCount"] < FEW_ADDRESSES:
        free = found["AvailableIpAddressCount"]
        yield Status.WARN, f"{name} has {free} free addresses: pods run out of them", "a larger subnet"
    elif found["AvailabilityZoneId"] not in subject.needs.zones:
        zone = found["AvailabilityZoneId"]
        fix = "network.existing with each subnet under its own zone id"
        yield Status.WARN, f"{name} is in {zone}, the environment in {', '.join(subject.needs.zones)}", fix


def _cluster(cluster: ClusterNeeds, subject: Subject) -> Iterator[_Verdict]:
    found = existing_cluster(cluster.name, subject)
    if found is None:
        fix = "cluster.existing.name"
        yield Status.FAIL, f"cluster {cluster.name} is not in this account and region", fix
        return
    sound = True
    for problem in chain(_shape(cluster, found), _addons(cluster, subject)):
        sound = False
        yield problem  # at once: what is found stays, should the next question not be answered
    if sound:
        yield Status.OK, f"cluster {cluster.name} is there, with its add-ons", None


def _shape(cluster: ClusterNeeds, found: Mapping[str, Any]) -> Iterator[_Verdict]:
    running, mode = (
        found.get("version"),
        found.get("accessConfig", {}).get("authenticationMode", "CONFIG_MAP"),
    )
    if found.get("status") != "ACTIVE":
        yield Status.FAIL, f"cluster {cluster.name} is {found.get('status')}", "try again when it is ACTIVE"
    if str(running) != cluster.version:
        what = f"cluster {cluster.name} runs {running}, cluster.version says {cluster.version}"
        yield Status.WARN, what, f'cluster.version: "{running}"'
    if "API" not in mode:
        change = "--access-config authenticationMode=API_AND_CONFIG_MAP"
        fix = f"aws eks update-cluster-config --name {cluster.name} {change}"
        yield Status.FAIL, f"cluster {cluster.name} takes no access entries ({mode})", fix


def _addons(cluster: ClusterNeeds, subject: Subject) -> Iterator[_Verdict]:
    there = set(subject.account.pages("eks", "list_addons", "addons", clusterName=cluster.name))
    for name in sorted(NEEDED_ADDONS - there):
        command = f"aws eks create-addon --cluster-name {cluster.name} --addon-name {name}"
        fix = f"unless it is installed otherwise: {command}"
        yield Status.WARN, f"cluster {cluster.name} has no add-on {name}", fix


def _read(subject: Subject, operation: str, key: str, filters: list[dict[str, Any]]) -> Iterator[Any]:
    try:
        yield from subject.account.pages("ec2", operation, key, Filters=filters)
    except ApiError as error:
        if not error.code.endswith(".NotFound"):
            raise


def _finding(subject: Subject, status: Status, what: str, fix: str | None) -> Finding:
    return Finding(check="adopted", status=status, what=what, where=subject.needs.region, fix=fix)


ADOPTED = Check(id="adopted", title="Adopted VPC and cluster are as needed", run=_run)
