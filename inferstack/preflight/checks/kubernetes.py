"""How long AWS supports the cluster's Kubernetes version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inferstack.errors import InputError
from inferstack.preflight.needs import ClusterNeeds
from inferstack.preflight.types import Check, Finding, Status, Subject
from inferstack.units import usd

WARN_DAYS: Final = 90


def _run(subject: Subject) -> Iterator[Finding]:
    for cluster in subject.needs.clusters:
        status, what = _judge(cluster, subject)
        yield Finding(
            check="kubernetes",
            status=status,
            what=what,
            where=f"cluster {cluster.name}",
            fix=None if status is Status.OK else _fix(subject),
        )


def _judge(cluster: ClusterNeeds, subject: Subject) -> tuple[Status, str]:
    name = f"Kubernetes {cluster.version}"
    try:
        version = subject.catalog.eks_version(cluster.version)
    except InputError:
        return Status.UNKNOWN, f"how long EKS supports {name} is not in the catalog"
    support = version.support(subject.today)
    end, last = version.end_of_standard_support, version.end_of_extended_support
    if support == "ended":
        return Status.FAIL, f"{name} is out of support since {last}: EKS makes no cluster with it"
    if support == "extended":
        return (
            Status.WARN,
            f"{name} is in extended support since {end}{_price(subject)}",
        )
    left = (end - subject.today).days
    status = Status.WARN if left < WARN_DAYS else Status.OK
    return status, f"{name} has standard support until {end}, {left} days"


def _price(subject: Subject) -> str:
    """What extended support costs; nothing where that is not known."""
    regular, _ = subject.catalog.service_price("eks-cluster-hour", subject.needs.region)
    extended, _ = subject.catalog.service_price("eks-cluster-extended-hour", subject.needs.region)
    if regular is None or extended is None:
        return ""
    return f": the control plane costs {usd(extended)} an hour instead of {usd(regular)}"


def _fix(subject: Subject) -> str:
    newest = max(subject.catalog.eks_versions(), key=lambda version: version.end_of_standard_support)
    return f'cluster.version: "{newest.version}" (standard support until {newest.end_of_standard_support})'


KUBERNETES = Check(id="kubernetes", title="Kubernetes version is supported", run=_run, online=False)
