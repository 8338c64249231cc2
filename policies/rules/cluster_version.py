"""INF-REL-003: the cluster's Kubernetes version is supported."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail, indeterminate
from inferstack.resources import Resource
from inferstack.view import View


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource
    version = view.required_text("version")
    known = context.knowledge.eks_version(version)
    if known is None:
        yield indeterminate(f"the support dates of Kubernetes {version} on EKS are not established")
    elif known.support(context.today) == "ended":
        yield fail(f"Kubernetes {version} lost all support on {known.end_of_extended_support}")


RULE = ResourceRule(
    id="INF-REL-003",
    title="The Kubernetes version is supported",
    severity=Severity.HIGH,
    rationale=(
        "After extended support EKS upgrades the control plane by itself, whether the workloads are "
        "ready or not."
    ),
    remediation="Move cluster.version to a version in standard support.",
    url="https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html",
    tags=("eks",),
    frameworks=("SOC2 CC7.1",),
    types=("aws:eks/cluster:Cluster",),
    check=check,
)
