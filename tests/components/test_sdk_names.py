"""Inputs written by wire name are what the generated SDKs (and so the providers' schemas) know."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from components import vllm_objects, wire
from inferstack.engine.graph import Graph
from inferstack.resources import Resource
from tests.components import builders
from tests.components.running import build, preview
from tests.components.sdk import mismatches

CUSTOM_KINDS = ("monitoring.coreos.com", "leaderworkerset.x-k8s.io", "helm.sh", "keda.sh")


def checked(graph: Graph) -> Iterator[Resource]:
    for resource in graph.managed():
        if not any(kind in resource.type for kind in CUSTOM_KINDS):
            yield resource


@pytest.mark.parametrize("name", ["dev", "prod", "groups"])
def test_every_input_is_known_to_the_sdk(name: str, request: pytest.FixtureRequest) -> None:
    graph: Graph = request.getfixturevalue(name)
    found = [problem for item in checked(graph) for problem in mismatches(item.type, item.inputs)]
    assert found == []


def test_replicas_and_capacity_blocks_are_known_to_the_sdk() -> None:
    graphs = [
        preview(build(builders.prod(modelStore={"replicaRegions": ["eu-west-1", "eu-north-1"]}))),
        preview(build(builders.prod(monitoring={"stack": "amp"}))),
        preview(build(builders.reserved("capacity-block"))),
        preview(build(builders.reserved("capacity-reservation"))),
    ]
    found = [
        problem
        for graph in graphs
        for item in checked(graph)
        for problem in mismatches(item.type, item.inputs)
    ]
    assert found == []


def test_a_wrong_name_deep_inside_is_found() -> None:
    assert mismatches("aws:ec2/vpc:Vpc", {"cidrblock": "10.0.0.0/16"})
    assert mismatches("aws:ec2/route:Route", {}) == ["Route: routeTableId is required"]
    template = {"metadataOptions": {"httpToken": "required"}}
    assert mismatches("aws:ec2/launchTemplate:LaunchTemplate", template) == [
        "LaunchTemplate.metadataOptions.httpToken: LaunchTemplateMetadataOptionsArgs has no such property"
    ]


def test_a_wrong_type_is_found() -> None:
    assert mismatches("aws:ec2/vpc:Vpc", {"cidrBlock": 10})
    assert mismatches("aws:ec2/vpc:Vpc", {"enableDnsSupport": "true"})
    bad = {"spec": {"template": {"spec": {"containers": {"name": "a"}}}}}
    assert mismatches("kubernetes:apps/v1:Deployment", bad)


def test_tokens_are_those_of_the_sdk() -> None:
    import pulumi_aws

    assert wire._token("ec2", "LaunchTemplate") == pulumi_aws.ec2.LaunchTemplate.pulumi_type
    assert wire._token("s3", "BucketServerSideEncryptionConfiguration") == (
        pulumi_aws.s3.BucketServerSideEncryptionConfiguration.pulumi_type
    )
    assert wire._token("wafv2", "WebAcl") == pulumi_aws.wafv2.WebAcl.pulumi_type


def test_every_service_name_the_pods_run_under_is_a_label() -> None:
    spec = builders.server_spec(builders.small_plan(workload="w" * 40))
    assert len(vllm_objects.service(spec)["metadata"]["name"]) <= 63
