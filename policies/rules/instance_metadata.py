"""INF-SEC-002: instances answer metadata requests with a session token only (IMDSv2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View

NODE_CLASS: Final = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
"""How Karpenter launches instances."""


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del context
    settings = view.view("spec") if resource.type == NODE_CLASS else view
    options = settings.view("metadataOptions")
    if options.text("httpEndpoint") == "disabled":
        return
    if options.text("httpTokens") != "required":
        yield fail("metadataOptions.httpTokens is not 'required'")
    hops = options.number("httpPutResponseHopLimit")
    if hops is not None and hops > 2:
        yield fail(f"metadataOptions.httpPutResponseHopLimit is {hops}: pods reach the node's role")


RULE = ResourceRule(
    id="INF-SEC-002",
    title="Nodes require IMDSv2",
    severity=Severity.HIGH,
    rationale=(
        "A model server fetches addresses that users send; version 1 of the metadata service gives it "
        "the node's role."
    ),
    remediation="Set httpTokens: required and a hop limit of 1 (2 at most) in the launch template.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html",
    tags=("ec2",),
    frameworks=("CIS AWS 5.6", "SOC2 CC6.1"),
    types=("aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/instance:Instance", NODE_CLASS),
    check=check,
)
