"""The AWS half of every environment is really made, by boto3 in a moto server, from what the program registers."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from components.environment import InferenceEnvironmentArgs
from tests.aws.cloud import UNSUPPORTED, Cloud
from tests.aws.deploying import deploy
from tests.aws.environments import ACCOUNT, IN_AN_EXISTING_VPC, NEW, Adopted
from tests.components import builders
from tests.components.running import build

pytestmark = pytest.mark.aws
SHARED = {"aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:eks/cluster:Cluster", "aws:iam/role:Role"}


def cloud_of(endpoint: str, args: InferenceEnvironmentArgs) -> Cloud:
    return Cloud(endpoint, args.loaded.environment.cloud.region, ACCOUNT)


def there(cloud: Cloud) -> dict[str, int]:
    """What the server holds, asked of it, by Pulumi type."""
    ec2, eks, iam = cloud.client("ec2"), cloud.client("eks"), cloud.client("iam")
    clusters = eks.list_clusters()["clusters"]
    own = [{"Name": "is-default", "Values": ["false"]}]
    vpcs = ec2.describe_vpcs(Filters=own)["Vpcs"]
    inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"] for vpc in vpcs] or ["vpc-none"]}]
    nats = ec2.describe_nat_gateways()["NatGateways"]
    return {
        "aws:ec2/vpc:Vpc": len(vpcs),
        "aws:ec2/subnet:Subnet": len(ec2.describe_subnets(Filters=inside)["Subnets"]),
        # every VPC has a main table of its own
        "aws:ec2/routeTable:RouteTable": len(ec2.describe_route_tables(Filters=inside)["RouteTables"]) - len(vpcs),
        "aws:ec2/natGateway:NatGateway": len(nats),
        "aws:ec2/vpcEndpoint:VpcEndpoint": len(ec2.describe_vpc_endpoints()["VpcEndpoints"]),
        "aws:ec2/launchTemplate:LaunchTemplate": len(ec2.describe_launch_templates()["LaunchTemplates"]),
        "aws:ec2/flowLog:FlowLog": len(ec2.describe_flow_logs()["FlowLogs"]),
        "aws:eks/cluster:Cluster": len(clusters),
        "aws:eks/nodeGroup:NodeGroup": sum(len(eks.list_nodegroups(clusterName=name)["nodegroups"]) for name in clusters),
        "aws:iam/role:Role": len(iam.list_roles()["Roles"]),
        "aws:s3/bucket:Bucket": len(cloud.client("s3").list_buckets()["Buckets"]),
        "aws:cloudwatch/logGroup:LogGroup": len(cloud.client("logs").describe_log_groups()["logGroups"]),
    }  # fmt: skip


def made(cloud: Cloud) -> Counter[str]:
    return Counter(kind for kind, _ in cloud.made)


@pytest.fixture(scope="module")
def refused() -> dict[str, set[str]]:
    """Types that moto did not know, by environment."""
    return {}


@pytest.mark.parametrize("name", list(NEW))
def test_everything_registered_is_made(name: str, endpoint: str, refused: dict[str, set[str]]) -> None:
    args = NEW[name]()
    cloud = cloud_of(endpoint, args)
    registered = Counter(
        item.typ for item in deploy(build(args), cloud).registered if item.typ.startswith("aws:")
    )
    refused[name] = cloud.refused
    assert made(cloud) == registered
    found = there(cloud)
    expected = {kind: registered.get(kind, 0) for kind in found}
    assert found == expected
    assert set(expected) >= SHARED
    assert all(expected[kind] for kind in SHARED)


@pytest.fixture
def adopted(endpoint: str) -> Adopted:
    """A network of somebody else."""
    cloud = Cloud(endpoint, "eu-central-1", ACCOUNT)
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.90.0.0/16")["Vpc"]["VpcId"]
    private = {
        zone: ec2.create_subnet(VpcId=vpc, AvailabilityZoneId=zone, CidrBlock=f"10.90.{index * 64}.0/18")["Subnet"]["SubnetId"]
        for index, zone in enumerate(builders.EU_ZONES)
    }  # fmt: skip
    group = ec2.create_security_group(GroupName="eks", Description="the cluster's", VpcId=vpc)["GroupId"]
    cloud.client("eks").create_cluster(
        name="platform",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/eks",
        resourcesVpcConfig={"subnetIds": list(private.values())},
    )
    return Adopted(vpc_id=vpc, private=private, security_group_id=group)


@pytest.mark.parametrize("name", list(IN_AN_EXISTING_VPC))
def test_what_was_there_is_used_and_nothing_of_it_is_made(
    name: str, endpoint: str, adopted: Adopted, refused: dict[str, set[str]]
) -> None:
    args = IN_AN_EXISTING_VPC[name](adopted)
    cloud = cloud_of(endpoint, args)
    before = there(cloud)
    registered = Counter(
        item.typ for item in deploy(build(args), cloud).registered if item.typ.startswith("aws:")
    )
    refused[name] = cloud.refused
    found = there(cloud)
    assert {kind: found[kind] - before[kind] for kind in found} == {
        kind: registered.get(kind, 0) for kind in found
    }
    # of the environment's own: templates of its nodes, the group of its database
    own = {"aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/securityGroup:SecurityGroup"}
    assert {kind for kind in registered if kind.startswith("aws:ec2/")} <= own
    cluster = "platform" if name == "adopted-cluster" else "inferstack-prod-eu"
    groups = cloud.client("eks").list_nodegroups(clusterName=cluster)["nodegroups"]
    assert len(groups) == 3
    for group in groups:
        described = cloud.client("eks").describe_nodegroup(clusterName=cluster, nodegroupName=group)[
            "nodegroup"
        ]
        assert set(described["subnets"]) <= set(adopted.private.values())


def test_the_list_of_what_moto_does_not_know_is_true(refused: dict[str, set[str]]) -> None:
    """Runs last: an entry goes when moto has learnt it, or when nothing uses it."""
    if set(refused) != {*NEW, *IN_AN_EXISTING_VPC}:
        pytest.skip("not all environments were made in this run")
    assert set.union(*refused.values()) == set(UNSUPPORTED)
    assert all(len(reason) > 10 for reason in UNSUPPORTED.values())


class TestWhatAWrongInputMeets:
    """The tests above can fail: the client and the server do refuse."""

    @pytest.fixture
    def cloud(self, endpoint: str) -> Cloud:
        return Cloud(endpoint, "eu-central-1", ACCOUNT)

    def vpc(self, **changes: Any) -> dict[str, Any]:
        sound = {"cidrBlock": "10.0.0.0/16", "enableDnsSupport": True, "enableDnsHostnames": True}
        return {**sound, "tags": {"Name": "x"}, **changes}

    def test_a_sound_one_is_made(self, cloud: Cloud) -> None:
        identity, _ = cloud.create("aws:ec2/vpc:Vpc", "x", self.vpc())
        assert identity.startswith("vpc-")

    def test_an_input_that_no_request_carries(self, cloud: Cloud) -> None:
        with pytest.raises(AssertionError, match="never sent"):
            cloud.create("aws:ec2/vpc:Vpc", "x", self.vpc(instanceTenancies="default"))

    def test_a_network_that_is_none(self, cloud: Cloud) -> None:
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            cloud.create("aws:ec2/vpc:Vpc", "x", self.vpc(cidrBlock="10.0.0.0/99"))

    def test_a_name_inside_that_the_api_has_not(self, cloud: Cloud) -> None:
        template = {"updateDefaultVersion": True, "metadataOptions": {"httpToken": "required"}}
        with pytest.raises(ParamValidationError, match="HttpToken"):
            cloud.create("aws:ec2/launchTemplate:LaunchTemplate", "x", template)

    def test_an_addon_that_moto_does_not_know_is_still_checked(self, cloud: Cloud) -> None:
        addon = {"clusterName": "c", "addonName": "a", "addonVersions": "v1", "resolveConflictsOnCreate": "NONE", "resolveConflictsOnUpdate": "NONE"}  # fmt: skip
        with pytest.raises(ParamValidationError, match="addonVersions"):
            cloud.create("aws:eks/addon:Addon", "x", addon)

    def test_a_policy_that_is_none(self, cloud: Cloud) -> None:
        trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})  # fmt: skip
        role, _ = cloud.create("aws:iam/role:Role", "x", {"assumeRolePolicy": trust})
        bad = json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Permit", "Action": "s3:*", "Resource": "*"}]}
        )
        with pytest.raises(ClientError, match="MalformedPolicyDocument"):
            cloud.create("aws:iam/rolePolicy:RolePolicy", "x", {"role": role, "policy": bad})

    def test_a_managed_policy_that_aws_has_not(self, cloud: Cloud) -> None:
        trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})  # fmt: skip
        role, _ = cloud.create("aws:iam/role:Role", "x", {"assumeRolePolicy": trust})
        arn = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodesPolicy"
        with pytest.raises(ClientError, match="NoSuchEntity"):
            cloud.create(
                "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "x", {"role": role, "policyArn": arn}
            )

    def test_a_name_that_is_too_long_with_its_suffix(self, cloud: Cloud) -> None:
        with pytest.raises(AssertionError, match="64 are allowed"):
            cloud.create("aws:iam/role:Role", "x" * 60, {"assumeRolePolicy": "{}"})

    def test_another_host_is_never_asked(self) -> None:
        with pytest.raises(AssertionError, match="stay on this machine"):
            Cloud("https://ec2.eu-central-1.amazonaws.com", "eu-central-1", ACCOUNT).client("ec2")
