from __future__ import annotations

import json

import pytest

from inferstack.engine.graph import Graph
from inferstack.resources import UNKNOWN
from tests.components import builders
from tests.components.running import build, deploy, one, preview

SUBNET = "aws:ec2/subnet:Subnet"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"


def test_subnets_are_placed_by_zone_id_and_tagged_for_load_balancers(prod: Graph) -> None:
    subnet = one(prod, SUBNET, "prod-eu-network-private-euc1-az1")
    assert subnet.inputs == {
        "vpcId": UNKNOWN,
        "availabilityZoneId": "euc1-az1",
        "cidrBlock": "10.40.0.0/18",
        "mapPublicIpOnLaunch": False,
        "tags": {
            "Name": "inferstack-prod-eu-private-euc1-az1",
            "kubernetes.io/role/internal-elb": "1",
            "karpenter.sh/discovery": "inferstack-prod-eu",
        },
    }
    public = one(prod, SUBNET, "prod-eu-network-public-euc1-az3").inputs
    assert public["tags"] == {"Name": "inferstack-prod-eu-public-euc1-az3", "kubernetes.io/role/elb": "1"}


def test_no_subnet_gives_public_addresses(prod: Graph) -> None:
    assert {item.inputs["mapPublicIpOnLaunch"] for item in prod.of_type(SUBNET)} == {False}


def test_every_private_zone_leaves_through_its_own_nat_gateway() -> None:
    recorder = deploy(build(builders.prod()))
    routes = {
        item.name: item.inputs.get("natGatewayId")
        for item in recorder.resources
        if item.typ == "aws:ec2/route:Route" and "private" in item.name
    }
    assert routes == {
        f"prod-eu-network-private-{zone}": f"prod-eu-network-nat-{zone}-id" for zone in builders.EU_ZONES
    }


def test_one_nat_gateway_serves_all_zones_when_asked() -> None:
    recorder = deploy(build(builders.dev()))
    targets = {
        item.inputs.get("natGatewayId") for item in recorder.resources if item.typ == "aws:ec2/route:Route"
    }
    assert targets == {None, "dev-network-nat-usw2-az1-id"}


def test_without_nat_there_is_no_way_out() -> None:
    graph = preview(build(builders.dev(network={"nat": "none"}, registry=builders.MIRROR)))
    assert graph.of_type("aws:ec2/natGateway:NatGateway", "aws:ec2/internetGateway:InternetGateway") == ()
    assert graph.of_type("aws:ec2/route:Route") == ()
    assert not [item for item in graph.of_type(SUBNET) if "public" in item.name]


def test_a_public_load_balancer_gets_public_subnets_even_without_nat() -> None:
    graph = preview(
        build(
            builders.prod(
                network={"nat": "none"},
                registry=builders.MIRROR,
                gateway={"host": "llm.example.eu", "scheme": "internet-facing"},
            )
        )
    )
    assert [item for item in graph.of_type(SUBNET) if "public" in item.name]


def test_intra_subnets_have_no_default_route(prod: Graph) -> None:
    assert not [item for item in prod.of_type("aws:ec2/route:Route") if "intra" in item.name]


def test_the_s3_gateway_endpoint_is_always_there(dev: Graph, prod: Graph) -> None:
    for graph in (dev, prod):
        gateways = [item for item in graph.of_type(ENDPOINT) if item.inputs["vpcEndpointType"] == "Gateway"]
        assert [item.inputs["serviceName"].rpartition(".")[2] for item in gateways] == ["s3"]


def test_private_clusters_get_the_endpoints_nodes_and_controllers_call(prod: Graph) -> None:
    services = {
        str(item.inputs["serviceName"]).removeprefix("com.amazonaws.eu-central-1.")
        for item in prod.of_type(ENDPOINT)
        if item.inputs["vpcEndpointType"] == "Interface"
    }
    assert services == {
        "autoscaling", "bedrock-runtime", "ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth",
        "elasticloadbalancing", "kms", "logs", "sts", "xray",
    }  # fmt: skip


def test_managed_prometheus_adds_its_endpoint() -> None:
    graph = preview(build(builders.prod(monitoring={"stack": "amp"})))
    names = [str(item.inputs["serviceName"]) for item in graph.of_type(ENDPOINT)]
    assert "com.amazonaws.eu-central-1.aps-workspaces" in names


def test_the_default_security_group_allows_nothing(prod: Graph) -> None:
    group = one(prod, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert group.inputs == {"vpcId": UNKNOWN}


def test_flow_logs_are_encrypted_and_end(prod: Graph) -> None:
    group = one(prod, "aws:cloudwatch/logGroup:LogGroup", "prod-eu-network-flow-logs")
    assert group.inputs["retentionInDays"] == 365
    assert group.inputs["kmsKeyId"] is UNKNOWN
    assert one(prod, "aws:ec2/flowLog:FlowLog").inputs["trafficType"] == "ALL"


def test_the_flow_log_role_writes_only_its_own_group() -> None:
    recorder = deploy(build(builders.prod()))
    policy = next(
        item for item in recorder.resources
        if item.typ == "aws:iam/rolePolicy:RolePolicy" and item.name == "prod-eu-network-flow-logs"
    )  # fmt: skip
    statement = json.loads(policy.inputs["policy"])["Statement"][0]
    arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/inferstack/prod-eu-network-flow-logs"
    assert statement["Resource"] == [arn, f"{arn}:*"]


@pytest.mark.parametrize(("zones", "expected"), [(("use1-az1", "use1-az3"), 2), (("use1-az2",), 2)])
def test_the_control_plane_avoids_zones_eks_refuses(zones: tuple[str, ...], expected: int) -> None:
    spec = builders.environment(
        "us", cloud={"account": "123456789012", "region": "us-east-1"}, monitoring={"stack": "none"}
    )
    graph = preview(build(builders.arguments(spec, zones)))
    intra = [item.inputs["availabilityZoneId"] for item in graph.of_type(SUBNET) if "intra" in item.name]
    assert len(intra) == expected
    assert "use1-az3" not in intra


def test_a_regional_nat_gateway_needs_no_public_subnet_and_has_an_address_in_every_zone() -> None:
    args = builders.prod(network={"nat": "regional"})
    recorder = deploy(build(args))
    (nat,) = [item for item in recorder.resources if item.typ == "aws:ec2/natGateway:NatGateway"]
    assert nat.inputs == {
        "availabilityMode": "regional",
        "connectivityType": "public",
        "vpcId": "prod-eu-network-id",
        "availabilityZoneAddresses": [
            {"availabilityZoneId": zone, "allocationIds": [f"prod-eu-network-nat-{zone}-id"]}
            for zone in builders.EU_ZONES
        ],
        "tags": {"Name": "inferstack-prod-eu-nat"},
    }
    routes = [item.inputs for item in recorder.resources if item.typ == "aws:ec2/route:Route"]
    assert [route["natGatewayId"] for route in routes] == ["prod-eu-network-nat-id"] * 3
    assert not [item for item in recorder.resources if item.typ == SUBNET and "public" in item.name]
    facts = next(item.inputs for item in recorder.resources if item.typ == "inferstack:index:Network")
    assert (facts["nat"], facts["natGateways"], facts["publicSubnets"]) == ("regional", 1, False)


def test_a_public_load_balancer_has_its_subnets_beside_a_regional_nat_gateway() -> None:
    graph = preview(
        build(
            builders.prod(
                network={"nat": "regional"},
                gateway={"host": "llm.example.eu", "scheme": "internet-facing"},
            )
        )
    )
    assert len([item for item in graph.of_type(SUBNET) if "public" in item.name]) == 3


class TestFlowLogsInABucket:
    def test_they_go_to_a_closed_bucket_of_the_region_by_its_policy(self) -> None:
        recorder = deploy(build(builders.prod(network={"flowLogsTo": "s3"})))
        made = {(item.typ.rpartition(":")[2], item.name): item.inputs for item in recorder.resources}
        name = "prod-eu-network-flow-logs"
        bucket = made["Bucket", name]["bucket"]
        assert bucket == "inferstack-prod-eu-123456789012-eu-central-1-flows"
        log = made["FlowLog", name]
        assert (log["logDestinationType"], log["logDestination"]) == ("s3", f"arn:aws:s3:::{bucket}")
        assert "iamRoleArn" not in log
        assert made["BucketPublicAccessBlock", name]["restrictPublicBuckets"] is True
        assert made["BucketLifecycleConfiguration", name]["rules"][0]["expiration"] == {"days": 365}
        refused, deliver, look = json.loads(made["BucketPolicy", name]["policy"])["Statement"]
        assert refused["Effect"] == "Deny"
        assert deliver["Resource"] == f"arn:aws:s3:::{bucket}/AWSLogs/123456789012/*"
        for statement in (deliver, look):
            assert statement["Principal"] == {"Service": "delivery.logs.amazonaws.com"}
            assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
        assert ("LogGroup", name) not in made

    def test_the_key_lets_the_delivery_service_write(self) -> None:
        graph = preview(build(builders.prod(network={"flowLogsTo": "s3"})))
        policy = json.loads(str(one(graph, "aws:kms/key:Key").inputs["policy"]))
        assert [item["Sid"] for item in policy["Statement"]] == ["AccountDecides", "LogGroups", "LogDelivery"]

    def test_production_keeps_them_and_others_do_not(self) -> None:
        for args, kept in ((builders.prod, True), (builders.dev, False)):
            graph = preview(build(args(network={"flowLogsTo": "s3"})))
            (bucket,) = [item for item in graph.of_type("aws:s3/bucket:Bucket") if "flow" in item.name]
            assert bool(bucket.options.retain_on_delete) is kept
            assert bucket.inputs.get("forceDestroy", False) is not kept
