"""What later changes may touch: compared as the engine would, from one synth to the next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inferstack.engine.diff import Change, compare
from inferstack.engine.graph import Graph
from tests.components import builders
from tests.components.running import build, one, preview
from tests.components.test_environment import reaches

LASTING = (
    "aws:ec2/vpc:Vpc",
    "aws:eks/cluster:Cluster",
    "aws:kms/key:Key",
    "aws:s3/bucket:Bucket",
    "pulumi:providers:kubernetes",
)
"""Losing one loses the weights, the cluster, or everything in it."""
SYSTEM = "prod-eu-cluster-system"


def destructive(before: Graph, after: Graph) -> list[Change]:
    return list(compare(before, after).having("replace", "delete"))


def names(changes: list[Change]) -> set[tuple[str, str]]:
    return {(change.resource.type.rpartition(":")[2], change.resource.name) for change in changes}


def assert_nothing_lasting_goes(before: Graph, after: Graph) -> None:
    lost = [change for change in destructive(before, after) if change.resource.type in LASTING]
    assert not lost, names(lost)


def chat(**changes: Any) -> builders.WorkloadPlan:
    chosen = {key: changes.pop(key) for key in ("instance_type", "purchase", "nodes") if key in changes}
    return replace(builders.PLAN, chosen=replace(builders.CANDIDATE, **chosen), **changes)


def with_chat(plan: builders.WorkloadPlan) -> Graph:
    args = builders.prod()
    return preview(build(replace(args, plan=replace(args.plan, workloads=(plan, builders.embed_plan())))))


def renamed() -> Graph:
    args = builders.prod()
    plan = replace(builders.PLAN, workload="talk", served_model_name="talk")
    return preview(
        build(
            builders.arguments(
                args.loaded.environment,
                builders.EU_ZONES,
                (builders.workload("talk", builders.PLAN.model_id, **builders.CHAT), plan),
                (args.loaded.workloads[1], builders.embed_plan()),
            )
        )
    )


def without_chat() -> Graph:
    args = builders.prod()
    pair = (args.loaded.workloads[1], builders.embed_plan())
    return preview(build(builders.arguments(args.loaded.environment, builders.EU_ZONES, pair)))


OWN = ("prod-eu-chat", "prod-eu-talk")


class TestWorkloads:
    def test_a_rename_replaces_the_server_and_its_nodes_and_nothing_else(self, prod: Graph) -> None:
        after = renamed()
        assert_nothing_lasting_goes(prod, after)
        gone = names(destructive(prod, after))
        assert gone
        # and the routes of the gateway, which are a new file
        assert {item for item in gone if not item[1].startswith(OWN)} == {("ConfigMap", "prod-eu-gateway")}
        # the same weights stay loaded: the job that loaded them is neither deleted nor run again
        assert not [name for kind, name in gone if kind == "Job"]

    def test_a_removed_workload_leaves_everything_of_the_others(self, prod: Graph) -> None:
        gone = names(destructive(prod, without_chat()))
        assert_nothing_lasting_goes(prod, without_chat())
        assert not [name for _, name in gone if "embed" in name and not name.endswith("chat")]

    @pytest.mark.parametrize(
        "plan",
        [
            chat(instance_type="g6e.24xlarge"),
            chat(purchase="spot"),
            chat(nodes=5, max_replicas=20),
            chat(min_replicas=4),
        ],
        ids=["instance-type", "purchase", "more-nodes", "more-replicas"],
    )
    def test_another_pool_touches_only_its_own_workload(self, prod: Graph, plan: Any) -> None:
        after = with_chat(plan)
        assert_nothing_lasting_goes(prod, after)
        assert {name for _, name in names(destructive(prod, after)) if not name.startswith(OWN)} == set()


CHANGES: dict[str, dict[str, Any]] = {
    "nat-single": {"network": {"cidr": "10.40.0.0/16", "nat": "single"}},
    "nat-regional": {"network": {"cidr": "10.40.0.0/16", "nat": "regional"}},
    "flow-logs-to-s3": {"network": {"cidr": "10.40.0.0/16", "nat": "per-zone", "flowLogsTo": "s3"}},
    "no-flow-logs": {"network": {"cidr": "10.40.0.0/16", "nat": "per-zone", "flowLogs": False}},
    "public-endpoint": {"cluster": {"endpoint": "public", "publicAccessCidrs": ["203.0.113.0/24"]}},
    "next-version": {"cluster": {"version": "1.36"}},
    "extended-support": {"cluster": {"extendedSupport": True}},
    "administrators": {"cluster": {"adminRoleArns": ["arn:aws:iam::123456789012:role/admin"]}},
    "boundary": {"safety": {"permissionsBoundary": "arn:aws:iam::123456789012:policy/b"}},
    "spending": {"safety": {"emails": ["finops@example.eu"]}, "budget": {"monthlyUsd": 9}},
    "tags": {"tags": {"environment": "prod", "team": "other"}},
    "no-gateway": {"gateway": None},
    "no-monitoring": {"monitoring": {"stack": "none"}},
    "managed-prometheus": {"monitoring": {"stack": "amp"}},
    "replicas-of-weights": {"modelStore": {"replicaRegions": ["eu-west-1"]}},
}


class TestEnvironments:
    @pytest.mark.parametrize("name", sorted(CHANGES))
    def test_no_setting_that_may_change_replaces_what_lasts(self, prod: Graph, name: str) -> None:
        after = preview(build(builders.prod(**CHANGES[name])))
        assert compare(prod, after).having("create", "update", "replace", "delete"), "nothing changed"
        assert_nothing_lasting_goes(prod, after)
        gone = {kind for kind, resource in names(destructive(prod, after)) if "private" in resource}
        # a NAT gateway for each zone may go, the subnets of nodes and pods never
        assert not gone & {"Subnet", "RouteTable"}
        assert not [resource for _, resource in names(destructive(prod, after)) if resource == SYSTEM]

    def test_a_zone_more_moves_no_subnet(self) -> None:
        def spanning(zones: tuple[str, ...]) -> Graph:
            args = builders.prod()
            return preview(build(replace(args, plan=replace(args.plan, zones=zones))))

        before, after = spanning(builders.EU_ZONES[:2]), spanning(builders.EU_ZONES)
        assert_nothing_lasting_goes(before, after)
        assert not [name for kind, name in names(destructive(before, after)) if kind == "Subnet"]

    def test_a_comparison_that_finds_a_loss_says_so(self, prod: Graph) -> None:
        """The tests above can fail: another network does replace the VPC, and production refuses it."""
        after = preview(build(builders.prod(network={"cidr": "10.44.0.0/16", "nat": "per-zone"})))
        with pytest.raises(AssertionError, match="Vpc"):
            assert_nothing_lasting_goes(prod, after)
        (vpc,) = [change for change in destructive(prod, after) if change.resource.type == LASTING[0]]
        assert vpc.refused


class TestOrderOfDeletion:
    """What is needed is deleted last; ``reaches`` follows what the engine follows."""

    @pytest.mark.parametrize("name", ["prod", "private", "groups"])
    def test_nodes_outlive_no_way_to_aws(self, name: str, request: pytest.FixtureRequest) -> None:
        graph: Graph = request.getfixturevalue(name)
        ways = graph.of_type(
            "aws:ec2/route:Route",
            "aws:ec2/natGateway:NatGateway",
            "aws:ec2/vpcEndpoint:VpcEndpoint",
            "aws:ec2/routeTableAssociation:RouteTableAssociation",
        )
        assert ways
        for group in graph.of_type("aws:eks/nodeGroup:NodeGroup"):
            for way in ways:
                assert reaches(graph, group, way), f"{group.name} does not wait for {way.name}"

    def test_workloads_then_addons_then_nodes_then_cluster_then_network(self, prod: Graph) -> None:
        server = one(prod, "kubernetes:apps/v1:Deployment", "prod-eu-chat")
        addon = one(prod, "aws:eks/addon:Addon", "prod-eu-cluster-coredns")
        system = one(prod, "aws:eks/nodeGroup:NodeGroup", SYSTEM)
        cluster = one(prod, "aws:eks/cluster:Cluster")
        vpc = one(prod, "aws:ec2/vpc:Vpc")
        for first, later in ((server, addon), (addon, system), (system, cluster), (cluster, vpc)):
            assert reaches(prod, first, later)
            assert not reaches(prod, later, first)

    def test_the_load_balancer_goes_while_its_controller_can_still_delete_it(self, prod: Graph) -> None:
        entrance = one(prod, "kubernetes:networking.k8s.io/v1:Ingress")
        controller = one(prod, "kubernetes:helm.sh/v3:Release", "prod-eu-gateway-load-balancer")
        assert reaches(prod, entrance, controller)
        for gateway in prod.of_type("aws:ec2/natGateway:NatGateway"):
            assert reaches(prod, controller, gateway)

    def test_weights_stay_when_a_production_environment_goes(self, prod: Graph) -> None:
        bucket = one(prod, "aws:s3/bucket:Bucket")
        assert bucket.options.retain_on_delete
        assert bucket.options.protect


def test_names_with_every_guard_and_the_longest_names_fit() -> None:
    spec = builders.environment(
        "e" * 40,
        cloud={"account": "111122223333", "region": "us-west-2"},
        network={"nat": "regional", "flowLogsTo": "s3"},
        gateway={"host": "llm.example.com"},
        monitoring={"stack": "amp"},
        safety={"emails": ["a@example.com"], "topicArn": "arn:aws:sns:us-west-2:111122223333:money"},
        budget={"monthlyUsd": 5},
        modelStore={"replicaRegions": ["us-east-2"]},
    )
    name = "w" * 40
    pair = (
        builders.workload(name, "Qwen/Qwen3-8B"),
        builders.small_plan(workload=name, served_model_name=name),
    )
    graph = preview(build(builders.arguments(spec, builders.US_ZONES, pair)))
    for item in graph.managed():
        assert len(item.name) <= 55, item.name
    buckets = [str(item.inputs["bucket"]) for item in graph.of_type("aws:s3/bucket:Bucket")]
    assert len(buckets) == len(set(buckets)) == 3
    assert all(len(bucket) <= 63 for bucket in buckets)
    groups = [str(item.inputs["name"]) for item in graph.of_type("aws:cloudwatch/logGroup:LogGroup")]
    assert all(len(group) <= 512 for group in groups)


def test_everything_of_an_environment_is_in_its_region_unless_asked() -> None:
    """Log groups, buckets, keys and endpoints: nothing names another region by itself."""
    graph = preview(build(builders.prod(network={"flowLogsTo": "s3"}, safety={"emails": ["a@example.eu"]})))
    for item in graph.managed():
        assert item.inputs.get("region", "eu-central-1") == "eu-central-1", item.name
        text = str(item.inputs)
        assert not [region for region in ("us-east-1", "us-west-2", "eu-west-1") if region in text], item.name
