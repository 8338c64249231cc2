from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.environment import InferenceEnvironmentArgs
from components.gpu_pool import GpuPoolArgs, nodes_for
from components.node_template import efa_layout, version_text
from inferstack.catalog.load import load_catalog
from inferstack.engine.graph import Graph
from inferstack.errors import InputError
from inferstack.resources import UNKNOWN
from inferstack.sizing.types import Candidate
from tests.components import builders
from tests.components.running import build, deploy, manifest, one, preview

POOL = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


def test_a_spot_pool_asks_for_the_planned_type_and_nothing_else(dev: Graph) -> None:
    pool = one(dev, POOL, "dev-assistant-gpus")
    assert pool.inputs == {
        "amiType": "AL2023_x86_64_NVIDIA",
        "capacityType": "SPOT",
        "clusterName": "inferstack-dev",
        "instanceTypes": ["g6.xlarge", "g6.2xlarge"],
        "labels": {
            "inferstack.dev/workload": "assistant",
            "inferstack.dev/accelerator": "L4",
            "inferstack.dev/gpus": "1",
            "inferstack.dev/purchase": "spot",
            "nvidia.com/gpu.present": "true",
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


class TestStandIns:
    def types(self, name: str, **changes: str) -> object:
        chosen = replace(builders.SMALL, instance_type=name, **changes)  # type: ignore[arg-type]  # parametrized
        args = builders.dev()
        plan = replace(args.plan, workloads=(builders.small_plan(chosen=chosen),))
        graph = preview(build(replace(args, plan=plan)))
        facts = one(graph, "inferstack:index:GpuPool").inputs["instanceTypes"]
        assert one(graph, POOL, "dev-assistant-gpus").inputs["instanceTypes"] == facts
        return facts

    def test_spot_takes_types_that_hold_the_same_pods_at_a_price_near_it(self) -> None:
        assert self.types("g6.xlarge") == ["g6.xlarge", "g6.2xlarge"]

    def test_on_demand_keeps_to_the_plan(self) -> None:
        assert self.types("g6.xlarge", purchase="on-demand") == ["g6.xlarge"]


class TestStandbyPool:
    """A second pool of the plan's second choice, empty while the first has room."""

    def args(self, second: str | None) -> InferenceEnvironmentArgs:
        chosen = replace(builders.SMALL, purchase="on-demand", instance_type="g6.2xlarge")
        spare = replace(chosen, instance_type=second) if second else None
        plan = builders.small_plan(chosen=chosen, second_choice=spare)
        served = builders.workload("assistant", "Qwen/Qwen3-8B", capacity={"secondChoicePool": True})
        return builders.arguments(builders.dev().loaded.environment, builders.US_ZONES, (served, plan))

    def test_it_is_there_and_empty(self) -> None:
        graph = preview(build(self.args("g6.12xlarge")))
        pool = one(graph, POOL, "dev-standby-assistant-gpus").inputs
        assert pool["instanceTypes"] == ["g6.12xlarge"]
        assert pool["scalingConfig"] == {"minSize": 0, "desiredSize": 0, "maxSize": 2}
        first = one(graph, POOL, "dev-assistant-gpus").inputs
        workload = "inferstack.dev/workload"
        assert pool["labels"][workload] == first["labels"][workload]

    def test_pods_fit_both_kinds_of_node(self) -> None:
        def cpus(second: str) -> int:
            graph = preview(build(self.args(second)))
            pod = manifest(graph, "Deployment", "model-assistant")["spec"]["template"]["spec"]
            return int(pod["containers"][0]["resources"]["requests"]["cpu"])

        # g6.2xlarge has 8 vCPUs, g6.xlarge 4; a node keeps 1.3 for itself
        assert (cpus("g6.xlarge"), cpus("g6.12xlarge")) == (2, 6)

    def test_the_autoscaler_prefers_the_first(self) -> None:
        graph = preview(build(self.args("g6.12xlarge")))
        values = one(graph, "kubernetes:helm.sh/v3:Release", "dev-services-autoscaler").inputs["values"]
        assert values["extraArgs"]["expander"] == "priority,least-waste"
        priorities = yaml.safe_load(values["expanderPriorities"])
        (last,), (rest,) = priorities[10], priorities[50]
        name = "eks-dev-standby-assistant-gpus-1a2b3c4-5d6e"
        assert re.fullmatch(last, name)
        assert not re.fullmatch(last, "eks-dev-assistant-gpus-1a2b3c4-5d6e")
        assert re.fullmatch(rest, name)

    def test_without_a_second_choice_it_says_so(self) -> None:
        with pytest.raises(
            InputError, match=r"assistant\.capacity\.secondChoicePool.*no other instance type"
        ):
            preview(build(self.args(None)))

    def test_nobody_pays_for_it_while_it_is_empty(self) -> None:
        graph = preview(build(self.args("g6.12xlarge")))
        facts = one(graph, "inferstack:index:GpuPool", "dev-standby-assistant-gpus").inputs
        assert (facts["nodes"], facts["standby"]) == (0, True)
        assert "usdPerMonth" not in facts


class TestScaleFromZero:
    """The autoscaler reads storage and EFA of an empty group from tags alone."""

    def tags(self, graph: Graph, pool: str) -> dict[str, str]:
        found = [item for item in graph.of_type("aws:autoscaling/tag:Tag") if item.name.startswith(pool)]
        tags = [item.inputs["tag"] for item in found]
        assert all(tag["propagateAtLaunch"] is False for tag in tags)
        return {tag["key"].rpartition("resources/")[2]: tag["value"] for tag in tags}

    def test_local_disks_count_as_storage(self, dev: Graph) -> None:
        # 250 GB of NVMe
        assert self.tags(dev, "dev-assistant-gpus") == {"ephemeral-storage": "232Gi"}

    def test_efa_is_said(self, groups: Graph) -> None:
        tags = self.tags(groups, "groups-reasoning-gpus")
        assert tags["vpc.amazonaws.com/efa"] == "16"
        assert tags["ephemeral-storage"].endswith("Gi")

    def test_pods_ask_for_no_more_than_that(self, dev: Graph) -> None:
        pod = manifest(dev, "Deployment", "model-assistant")["spec"]["template"]["spec"]
        asked = pod["containers"][0]["resources"]["requests"]["ephemeral-storage"]
        assert int(asked.removesuffix("Gi")) <= 232


class TestWarmNodes:
    def group(self, **changes: object) -> Mapping[str, Any]:
        chosen = replace(builders.SMALL, purchase="on-demand")
        served = builders.workload("assistant", "Qwen/Qwen3-8B", capacity={"warmNodes": 2})
        plan = builders.small_plan(chosen=chosen)
        args = builders.arguments(builders.dev().loaded.environment, builders.US_ZONES, (served, plan))
        return one(preview(build(args)), POOL, "dev-assistant-gpus").inputs

    def test_nodes_with_local_disks_wait_running(self) -> None:
        """A stop erases the disks and the stripes over them."""
        assert self.group()["warmPoolConfig"] == {
            "minSize": 2, "maxGroupPreparedCapacity": 2, "poolState": "Running"
        }  # fmt: skip


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


def test_a_reservation_lies_in_one_zone() -> None:
    args = builders.reserved("capacity-block")
    plan = args.plan.workloads[0]
    open_plan = replace(plan, chosen=replace(plan.chosen, zones=("usw2-az2", "usw2-az3")))
    with pytest.raises(InputError, match=r"lies in one zone.*one of usw2-az2, usw2-az3 in capacity\.zones"):
        preview(build(replace(args, plan=replace(args.plan, workloads=(open_plan,)))))


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
    layout = efa_layout(efa_count(instance))
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
        "stand_ins": (), "zones": ("usw2-az1",), "subnet_ids": ("subnet-1",), "vpc_id": "vpc-1",
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
