"""The exact resources of three environments: an extra or a missing one fails."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from inferstack.engine.graph import Graph
from tests.components import builders
from tests.components.running import build, deploy, inventory

SHARED = {
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": 1,
    "aws:ec2/internetGateway:InternetGateway": 1,
    "aws:ec2/vpc:Vpc": 1,
    "aws:eks/addon:Addon": 7,
    "aws:eks/cluster:Cluster": 1,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": 5,
    "aws:kms/alias:Alias": 1,
    "aws:kms/key:Key": 1,
    "aws:s3/bucket:Bucket": 1,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": 1,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": 1,
    "aws:s3/bucketPolicy:BucketPolicy": 1,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": 1,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": 1,
    "aws:s3/bucketVersioning:BucketVersioning": 1,
    "inferstack:index:Cluster": 1,
    "inferstack:index:ClusterServices": 1,
    "inferstack:index:Encryption": 1,
    "inferstack:index:GpuRuntime": 1,
    "inferstack:index:InferenceEnvironment": 1,
    "inferstack:index:ModelStore": 1,
    "inferstack:index:Network": 1,
    "kubernetes:scheduling.k8s.io/v1:PriorityClass": 1,
    "kubernetes:storage.k8s.io/v1:StorageClass": 1,
    "pulumi:providers:aws": 1,
    "pulumi:providers:kubernetes": 1,
}
DEV = {
    **SHARED,
    "aws:cloudwatch/logGroup:LogGroup": 1,
    "aws:ec2/eip:Eip": 1,
    "aws:autoscaling/tag:Tag": 1,
    "aws:ec2/launchTemplate:LaunchTemplate": 2,
    "aws:ec2/natGateway:NatGateway": 1,
    "aws:ec2/route:Route": 3,
    "aws:ec2/routeTable:RouteTable": 4,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": 6,
    "aws:ec2/subnet:Subnet": 6,
    "aws:ec2/vpcEndpoint:VpcEndpoint": 1,
    "aws:eks/nodeGroup:NodeGroup": 2,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": 3,
    "aws:iam/role:Role": 7,
    "aws:iam/rolePolicy:RolePolicy": 3,
    "inferstack:index:GpuPool": 1,
    "inferstack:index:VllmService": 1,
    "kubernetes:apps/v1:Deployment": 1,
    "kubernetes:batch/v1:Job": 1,
    "kubernetes:core/v1:ConfigMap": 1,
    "kubernetes:core/v1:Namespace": 3,
    "kubernetes:core/v1:Secret": 1,
    "kubernetes:core/v1:Service": 1,
    "kubernetes:core/v1:ServiceAccount": 2,
    "kubernetes:helm.sh/v3:Release": 3,
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": 2,
    "kubernetes:policy/v1:PodDisruptionBudget": 1,
}
PROD = {
    **SHARED,
    "aws:acm/certificate:Certificate": 1,
    "aws:acm/certificateValidation:CertificateValidation": 1,
    "aws:cloudwatch/logGroup:LogGroup": 2,
    "aws:ec2/eip:Eip": 3,
    "aws:ec2/flowLog:FlowLog": 1,
    "aws:autoscaling/tag:Tag": 2,
    "aws:ec2/launchTemplate:LaunchTemplate": 3,
    "aws:ec2/natGateway:NatGateway": 3,
    "aws:ec2/route:Route": 4,
    "aws:ec2/routeTable:RouteTable": 5,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": 9,
    "aws:ec2/securityGroup:SecurityGroup": 1,
    "aws:ec2/subnet:Subnet": 9,
    "aws:ec2/vpcEndpoint:VpcEndpoint": 13,
    "aws:eks/nodeGroup:NodeGroup": 3,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": 7,
    "aws:iam/role:Role": 12,
    "aws:iam/rolePolicy:RolePolicy": 8,
    "aws:wafv2/webAcl:WebAcl": 1,
    "inferstack:index:Autoscaling": 1,
    "inferstack:index:Gateway": 1,
    "inferstack:index:GpuPool": 2,
    "inferstack:index:Monitoring": 1,
    "inferstack:index:VllmService": 2,
    "kubernetes:apps/v1:Deployment": 4,
    "kubernetes:batch/v1:Job": 2,
    "kubernetes:core/v1:ConfigMap": 7,
    "kubernetes:core/v1:Namespace": 6,
    "kubernetes:core/v1:Secret": 2,
    "kubernetes:core/v1:Service": 4,
    "kubernetes:core/v1:ServiceAccount": 5,
    "kubernetes:helm.sh/v3:Release": 6,
    "kubernetes:keda.sh/v1alpha1:ScaledObject": 2,
    "kubernetes:monitoring.coreos.com/v1:PodMonitor": 3,
    "kubernetes:monitoring.coreos.com/v1:PrometheusRule": 1,
    "kubernetes:networking.k8s.io/v1:Ingress": 1,
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": 5,
    "kubernetes:policy/v1:PodDisruptionBudget": 4,
}
GROUPS = {
    **SHARED,
    "aws:cloudwatch/logGroup:LogGroup": 2,
    "aws:ec2/eip:Eip": 1,
    "aws:ec2/flowLog:FlowLog": 1,
    "aws:autoscaling/tag:Tag": 2,
    "aws:ec2/launchTemplate:LaunchTemplate": 2,
    "aws:ec2/natGateway:NatGateway": 1,
    "aws:ec2/placementGroup:PlacementGroup": 1,
    "aws:ec2/route:Route": 3,
    "aws:ec2/routeTable:RouteTable": 4,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": 6,
    "aws:ec2/securityGroup:SecurityGroup": 2,
    "aws:ec2/subnet:Subnet": 6,
    "aws:ec2/vpcEndpoint:VpcEndpoint": 11,
    "aws:eks/nodeGroup:NodeGroup": 2,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": 3,
    "aws:iam/role:Role": 8,
    "aws:iam/rolePolicy:RolePolicy": 4,
    "inferstack:index:GpuPool": 1,
    "inferstack:index:VllmService": 1,
    "kubernetes:batch/v1:Job": 1,
    "kubernetes:core/v1:ConfigMap": 1,
    "kubernetes:core/v1:Namespace": 4,
    "kubernetes:core/v1:Secret": 1,
    "kubernetes:core/v1:Service": 1,
    "kubernetes:core/v1:ServiceAccount": 2,
    "kubernetes:helm.sh/v3:Release": 5,
    "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet": 1,
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": 2,
    "kubernetes:policy/v1:PodDisruptionBudget": 1,
}


def without(counts: Mapping[str, int], *kinds: str, **changed: int) -> dict[str, int]:
    """``counts`` less whole types, with other counts for some (by the type's last part)."""
    left = {kind: count for kind, count in counts.items() if kind not in kinds}
    assert len(left) == len(counts) - len(kinds), "a type to leave out is not there"
    for short, count in changed.items():
        (kind,) = [kind for kind in left if kind.rpartition(":")[2] == short]
        left[kind] = count
    return left


OF_A_VPC = (
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/eip:Eip",
    "aws:ec2/flowLog:FlowLog",
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/route:Route",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
)
WAYS_OUT = (
    "aws:ec2/eip:Eip",
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/route:Route",
)
PRIVATE = without(PROD, *WAYS_OUT, RouteTable=4, RouteTableAssociation=6, Subnet=6)
ADOPTED_VPC = without(PROD, *OF_A_VPC, LogGroup=1, Role=11, RolePolicy=7)
ADOPTED_CLUSTER = without(
    ADOPTED_VPC,
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:eks/addon:Addon",
    "aws:eks/cluster:Cluster",
    "kubernetes:storage.k8s.io/v1:StorageClass",
    # less the control plane's, two add-ons' and the autoscaler's
    Role=7,
    RolePolicy=6,
    RolePolicyAttachment=2,
    PodIdentityAssociation=6,
    Release=5,
)
EXPECTED = {
    "dev": DEV,
    "prod": PROD,
    "groups": GROUPS,
    "private": PRIVATE,
    "adopted_vpc": ADOPTED_VPC,
    "adopted_cluster": ADOPTED_CLUSTER,
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_preview_has_exactly_these_resources(name: str, request: pytest.FixtureRequest) -> None:
    graph: Graph = request.getfixturevalue(name)
    assert inventory(item.type for item in graph) == dict(sorted(EXPECTED[name].items()))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_update_has_the_same_resources_as_its_preview(name: str) -> None:
    """Nothing is made inside an apply, where a preview would not show it."""
    recorder = deploy(build(getattr(builders, name)()))
    assert inventory(item.typ for item in recorder.resources) == dict(sorted(EXPECTED[name].items()))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_names_are_unique_per_type(name: str, request: pytest.FixtureRequest) -> None:
    graph: Graph = request.getfixturevalue(name)
    urns = [item.urn for item in graph]
    assert len(urns) == len(set(urns))
