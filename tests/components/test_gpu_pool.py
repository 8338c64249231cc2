from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.gpu_pool import GpuPoolArgs, nodes_for
from components.node_template import efa_layout, version_text
from inferstack.catalog.load import load_catalog
from inferstack.engine.graph import Graph
from inferstack.errors import InputError
from inferstack.resources import UNKNOWN
from inferstack.sizing.types import Candidate
from tests.components import builders
from tests.components.running import build, deploy, one, preview

POOL = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


def test_a_spot_pool_asks_for_the_planned_type_and_nothing_else(dev: Graph) -> None:
    pool = one(dev, POOL, "dev-assistant-gpus")
    assert pool.inputs == {
        "amiType": "AL2023_x86_64_NVIDIA",
        "capacityType": "SPOT",
        "clusterName": "inferstack-dev",
        "instanceTypes": ["g6.xlarge"],
        "labels": {
            "inferstack.dev/workload": "assistant",
            "inferstack.dev/accelerator": "L4",
            "inferstack.dev/purchase": "spot",
        },
        "launchTemplate": {"id": UNKNOWN, "version": UNKNOWN},
        "nodeRepairConfig": {"enabled": True},
        "nodeRoleArn": UNKNOWN,
        "scalingConfig": {"minSize": 0, "desiredSize": 1, "maxSize": 2},
        "subnetIds": [UNKNOWN, UNKNOWN],
        "taints": [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}],
        "updateConfig": {"maxUnavailable": 1, "updateStrategy": "MINIMAL"},
    }


def test_the_size_the_autoscaler_chose_is_left_alone(dev: Graph) -> None:
    assert one(dev, POOL, "dev-assistant-gpus").options.ignore_changes == ("scalingConfig.desiredSize",)


def test_the_largest_size_holds_all_replicas_and_the_surge(prod: Graph) -> None:
    pool = one(prod, POOL, "prod-eu-chat-gpus")
    assert pool.inputs["scalingConfig"] == {"minSize": 0, "desiredSize": 3, "maxSize": 9}
    assert pool.inputs["updateConfig"] == {"maxUnavailable": 1, "updateStrategy": "DEFAULT"}


def test_a_pool_stays_in_the_zones_that_sell_the_type() -> None:
    chosen = replace(builders.SMALL, zones=("usw2-az2", "usw2-az3"))
    spec = builders.environment(
        "dev", cloud={"account": "111122223333", "region": "us-west-2"}, monitoring={"stack": "none"}
    )
    served = builders.workload("assistant", "Qwen/Qwen3-8B")
    args = builders.arguments(spec, builders.US_ZONES, (served, builders.small_plan(chosen=chosen)))
    recorder = deploy(build(args))
    pool = next(item for item in recorder.resources if item.typ == POOL and "gpus" in item.name)
    assert pool.inputs["subnetIds"] == ["dev-network-private-usw2-az2-id"]


def test_a_type_sold_in_no_zone_of_the_network_is_refused() -> None:
    chosen = replace(builders.SMALL, zones=("usw2-az4",))
    served = builders.workload("assistant", "Qwen/Qwen3-8B")
    spec = builders.dev().loaded.environment
    args = builders.arguments(spec, builders.US_ZONES, (served, builders.small_plan(chosen=chosen)))
    with pytest.raises(InputError, match=r"workloads\.assistant.*g6\.xlarge is not sold.*usw2-az4"):
        preview(build(args))


def test_local_disks_are_striped_for_images_and_pods(dev: Graph) -> None:
    template = one(dev, TEMPLATE, "dev-assistant-gpus").inputs
    text = base64.b64decode(str(template["userData"])).decode()
    assert "application/node.eks.aws" in text
    assert "strategy: RAID0" in text
    disk = template["blockDeviceMappings"][0]["ebs"]
    assert disk["volumeSize"] == 60
    assert "throughput" not in disk


def test_without_local_disks_the_root_volume_is_large_and_fast() -> None:
    from components.node_template import GpuTemplate, node_template
    from tests.components.running import run_function

    def program() -> None:
        from components.base import Component
        from components.facts import EncryptionFacts

        parent = Component("Test", "t", EncryptionFacts(environment="e", region="r", key_source="k"), None)
        gpu = GpuTemplate(
            instance_store=False, efa_interfaces=0, security_group_ids=(), placement_group=None,
            reservation_id=None, capacity_block=False, instance_type="g6.xlarge",
        )  # fmt: skip
        node_template(parent, "n", root_volume_gib=200, tags=(), gpu=gpu)

    disk = one(run_function(program), TEMPLATE).inputs["blockDeviceMappings"][0]["ebs"]
    assert (disk["volumeSize"], disk["throughput"]) == (200, 500)


def test_nothing_pins_a_subnet_or_an_image_in_the_template(groups: Graph) -> None:
    template = one(groups, TEMPLATE, "groups-reasoning-gpus").inputs
    assert not {"imageId", "keyName", "vpcSecurityGroupIds"} & set(template)
    assert all("subnetId" not in interface for interface in template["networkInterfaces"])


def test_groups_of_nodes_get_efa_in_one_zone_and_one_placement_group(groups: Graph) -> None:
    pool = one(groups, POOL, "groups-reasoning-gpus")
    assert pool.inputs["subnetIds"] == [UNKNOWN]
    assert pool.inputs["scalingConfig"] == {"minSize": 0, "desiredSize": 4, "maxSize": 4}
    interfaces = one(groups, TEMPLATE, "groups-reasoning-gpus").inputs["networkInterfaces"]
    assert [
        (item["networkCardIndex"], item["deviceIndex"], item["interfaceType"]) for item in interfaces
    ] == [
        (0, 0, "interface"),
        *((card, 1, "efa-only") for card in range(16)),
    ]
    assert one(groups, "aws:ec2/placementGroup:PlacementGroup").inputs == {"strategy": "cluster"}
    facts = one(groups, "inferstack:index:GpuPool").inputs
    assert facts["zones"] == ["usw2-az2"]
    assert facts["efaInterfaces"] == 16


def test_efa_traffic_stays_within_its_group(groups: Graph) -> None:
    group = one(groups, "aws:ec2/securityGroup:SecurityGroup", "groups-reasoning-gpus-efa").inputs
    rule = {"protocol": "-1", "fromPort": 0, "toPort": 0, "self": True}
    assert group["ingress"] == [rule]
    assert group["egress"] == [rule]


def test_a_capacity_block_starts_empty_in_its_zone() -> None:
    graph = preview(build(builders.reserved("capacity-block")))
    pool = one(graph, POOL, "reserved-reasoning-gpus")
    assert pool.inputs["capacityType"] == "CAPACITY_BLOCK"
    assert pool.inputs["scalingConfig"]["desiredSize"] == 0
    assert pool.inputs["subnetIds"] == [UNKNOWN]
    assert "instanceTypes" not in pool.inputs
    template = one(graph, TEMPLATE, "reserved-reasoning-gpus").inputs
    assert template["instanceType"] == "p5en.48xlarge"
    assert template["instanceMarketOptions"] == {"marketType": "capacity-block"}
    target = {"capacityReservationTarget": {"capacityReservationId": "cr-0123456789abcdef0"}}
    assert template["capacityReservationSpecification"] == target


class TestSecondChoice:
    def types(self, second: str, **changes: str) -> object:
        chosen = replace(builders.SMALL, **changes)  # type: ignore[arg-type]  # parametrized
        plan = builders.small_plan(chosen=chosen, second_choice=replace(chosen, instance_type=second))
        args = builders.dev()
        graph = preview(build(replace(args, plan=replace(args.plan, workloads=(plan,)))))
        facts = one(graph, "inferstack:index:GpuPool").inputs["instanceTypes"]
        assert one(graph, POOL, "dev-assistant-gpus").inputs["instanceTypes"] == facts
        return facts

    def test_spot_takes_it_when_it_holds_the_same_pods(self) -> None:
        assert self.types("g6.2xlarge") == ["g6.xlarge", "g6.2xlarge"]

    @pytest.mark.parametrize("second", ["g6.12xlarge", "g5.xlarge", "g6.xlarge"])
    def test_other_gpus_or_counts_are_left_out(self, second: str) -> None:
        assert self.types(second) == ["g6.xlarge"]

    def test_a_smaller_type_is_left_out(self) -> None:
        assert self.types("g6.xlarge", instance_type="g6.2xlarge") == ["g6.2xlarge"]

    def test_on_demand_keeps_to_the_plan(self) -> None:
        assert self.types("g6.2xlarge", purchase="on-demand") == ["g6.xlarge"]


def test_no_reservation_is_ever_bought() -> None:
    for purchase in ("capacity-block", "capacity-reservation"):
        graph = preview(build(builders.reserved(purchase)))
        assert not [item for item in graph if "apacityBlockReservation" in item.type]
        assert not [item for item in graph if item.type.endswith(":CapacityReservation")]


def test_an_open_reservation_is_on_demand_capacity_with_a_target() -> None:
    graph = preview(build(builders.reserved("capacity-reservation")))
    assert one(graph, POOL, "reserved-reasoning-gpus").inputs["capacityType"] == "ON_DEMAND"
    template = one(graph, TEMPLATE, "reserved-reasoning-gpus").inputs
    assert "capacityReservationSpecification" in template
    assert "instanceMarketOptions" not in template


def test_savings_plans_change_the_bill_and_not_the_request() -> None:
    args = builders.prod()
    chosen = replace(builders.CANDIDATE, purchase="savings-plan-1y")
    plan = replace(args.plan, workloads=(replace(builders.PLAN, chosen=chosen), args.plan.workloads[1]))
    graph = preview(build(replace(args, plan=plan)))
    pool = one(graph, POOL, "prod-eu-chat-gpus").inputs
    assert pool["capacityType"] == "ON_DEMAND"
    assert one(graph, "inferstack:index:GpuPool", "prod-eu-chat-gpus").inputs["purchase"] == "savings-plan-1y"


@given(replicas=st.integers(0, 200), per_node=st.integers(1, 8), per_replica=st.integers(1, 4))
def test_nodes_hold_exactly_the_replicas(replicas: int, per_node: int, per_replica: int) -> None:
    shared = per_node if per_replica == 1 else 1
    candidate = replace(builders.CANDIDATE, replicas_per_node=shared, nodes_per_replica=per_replica)
    nodes = nodes_for(candidate, replicas)
    if per_replica > 1:
        assert nodes == replicas * per_replica
    else:
        assert nodes * shared >= replicas > (nodes - 1) * shared or nodes == replicas == 0


@pytest.mark.parametrize("name", ["p4d.24xlarge", "p5.48xlarge", "p5en.48xlarge", "g6e.48xlarge"])
def test_efa_layouts_use_each_network_card_once(name: str) -> None:
    from components.node_template import efa_count

    instance = load_catalog().instance(name)
    layout = efa_layout(efa_count(instance), ["sg-1"])
    cards = [item["networkCardIndex"] for item in layout if item["interfaceType"] == "efa-only"]
    assert len(cards) == len(set(cards)) == instance.efa_max_interfaces


def test_template_versions_are_whole_numbers_as_text() -> None:
    assert version_text(3.0) == "3"


def test_facts_price_what_the_plan_priced(prod: Graph) -> None:
    facts = one(prod, "inferstack:index:GpuPool", "prod-eu-chat-gpus").inputs
    assert facts["usdPerHour"] == "39.36006"
    assert facts["usdPerMonth"] == "28732.84"
    assert (facts["nodes"], facts["maxNodes"], facts["workload"]) == (3, 9, "chat")


def pool_args(candidate: Candidate, **changes: object) -> GpuPoolArgs:
    instance = load_catalog().instance(candidate.instance_type)
    values: dict[str, object] = {
        "environment": "e", "cluster": "c", "plan": builders.small_plan(chosen=candidate), "instance": instance,
        "second": None, "zones": ("usw2-az1",), "subnet_ids": ("subnet-1",), "vpc_id": "vpc-1",
        "cluster_security_group_id": "sg-1", "node_role_arn": "arn", "node_dependencies": (),
        "reservation_id": None, "tags": (), **changes,
    }  # fmt: skip
    return GpuPoolArgs(**values)  # type: ignore[arg-type]  # values by name


def test_everything_that_keeps_nodes_from_starting_is_said_at_once() -> None:
    instance = load_catalog().instance("g6.xlarge").model_copy(update={"ami_al2023": None})
    candidate = replace(builders.SMALL, purchase="capacity-reservation")
    problems = pool_args(candidate, instance=instance, zones=()).problems()
    assert [problem.message for problem in problems] == [
        "g6.xlarge is not sold in any zone of the VPC",
        "there is no EKS-optimised GPU image for g6.xlarge",
        "capacity-reservation names no reservation",
    ]
    assert pool_args(builders.SMALL).problems() == []
