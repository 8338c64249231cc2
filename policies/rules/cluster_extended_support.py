"""INF-REL-004: the cluster's Kubernetes version has standard support for a while yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from inferstack.policy.types import Context, Level, ResourceRule, Severity, Verdict, fail, indeterminate
from inferstack.resources import Resource
from inferstack.view import View

NOTICE: Final = dt.timedelta(days=90)


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource
    version = view.required_text("version")
    known = context.knowledge.eks_version(version)
    if known is None:
        yield indeterminate(f"the support dates of Kubernetes {version} on EKS are not established")
    elif known.end_of_standard_support < context.today:
        yield fail(f"Kubernetes {version} is in extended support, at a higher price per hour")
    elif known.end_of_standard_support < context.today + NOTICE:
        yield fail(f"Kubernetes {version} leaves standard support on {known.end_of_standard_support}")


RULE = ResourceRule(
    id="INF-REL-004",
    title="The Kubernetes version stays in standard support",
    severity=Severity.LOW,
    level=Level.ADVISORY,
    rationale=(
        "Extended support costs six times the standard control-plane price and ends in a forced upgrade."
    ),
    remediation="Plan the upgrade of cluster.version within 90 days.",
    url="https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html",
    tags=("eks", "cost"),
    types=("aws:eks/cluster:Cluster",),
    check=check,
)
