"""INF-SEC-001: the Kubernetes API server is not open to the whole internet."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View

EVERYWHERE = ("0.0.0.0/0", "::/0")


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource, context
    network = view.view("vpcConfig")
    if network.flag("endpointPublicAccess") is False:
        return
    networks = network.texts("publicAccessCidrs")
    if not networks:
        yield fail("the public endpoint is open to everyone, which is the default when nothing is said")
    for cidr in networks:
        if cidr in EVERYWHERE:
            yield fail(f"the public endpoint is open to {cidr}")


RULE = ResourceRule(
    id="INF-SEC-001",
    title="The cluster's API endpoint is not open to the internet",
    severity=Severity.CRITICAL,
    rationale="One leaked token is then enough to own every GPU and every weight from anywhere.",
    remediation="Set cluster.endpoint: private, or list your own networks in publicAccessCidrs.",
    url="https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html",
    tags=("eks", "network"),
    frameworks=("CIS EKS 5.4.1", "SOC2 CC6.6"),
    types=("aws:eks/cluster:Cluster",),
    check=check,
)
