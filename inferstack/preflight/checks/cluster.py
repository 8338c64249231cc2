"""A cluster of the same name: somebody else's, or our own at a version that cannot become the wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from inferstack.preflight.aws import ApiError
from inferstack.preflight.needs import OWN_TAG, ClusterNeeds
from inferstack.preflight.types import Check, Finding, Status, Subject


def _run(subject: Subject) -> Iterator[Finding]:
    for cluster in subject.needs.clusters:
        if cluster.existing:
            continue
        status, what, fix = _judge(cluster, existing_cluster(cluster.name, subject), subject)
        yield Finding(check="cluster", status=status, what=what, where=subject.needs.region, fix=fix)


def existing_cluster(name: str, subject: Subject) -> Mapping[str, Any] | None:
    """What EKS says of a cluster; None when there is none of this name."""
    try:
        found: Mapping[str, Any] = subject.account.call("eks", "describe_cluster", name=name)["cluster"]
    except ApiError as error:
        if error.code == "ResourceNotFoundException":
            return None
        raise
    return found


def _judge(
    cluster: ClusterNeeds, found: Mapping[str, Any] | None, subject: Subject
) -> tuple[Status, str, str | None]:
    if found is None:
        return Status.OK, f"the name {cluster.name} is free", None
    if found.get("tags", {}).get(OWN_TAG) != subject.needs.environment:
        fix = "another name for the environment, or delete that cluster"
        return Status.FAIL, f"{cluster.name} is there and not of this environment", fix
    running = str(found.get("version"))
    step = _minor(cluster.version) - _minor(running)
    if step < 0:
        what = f"{cluster.name} runs {running}, and EKS never goes back to {cluster.version}"
        return Status.FAIL, what, f'cluster.version: "{running}"'
    if step > 1:
        what = f"{cluster.name} runs {running}, and EKS upgrades one minor version at a time"
        return Status.FAIL, what, f'cluster.version: "1.{_minor(running) + 1}" first'
    return Status.OK, f"{cluster.name} is this environment's, version {running}", None


def _minor(version: str) -> int:
    return int(version.partition(".")[2].partition(".")[0] or 0)


CLUSTER = Check(id="cluster", title="Cluster name and version step", run=_run)
