"""Nodes of managed node groups: instance hours by purchase model, and the root volumes of their template."""

from __future__ import annotations

import pytest
from cost_graphs import ENVIRONMENT, amounts, lines, resource

from inferstack.resources import UNKNOWN, Resource

GROUP = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = resource(
    "aws:ec2/launchTemplate:LaunchTemplate",
    "nodes",
    {
        "blockDeviceMappings": [
            {"ebs": {"volumeType": "gp3", "volumeSize": 60, "iops": 4000, "throughput": 500}}
        ]
    },
    parent=ENVIRONMENT,
)


def group(parent: str = ENVIRONMENT, **inputs: object) -> Resource:
    stated = {
        "capacityType": "ON_DEMAND",
        "instanceTypes": ["g6e.12xlarge"],
        "scalingConfig": {"desiredSize": 2},
        "launchTemplate": {"id": UNKNOWN},
        **inputs,
    }
    return resource(GROUP, "nodes", stated, parent=parent, depends={"launchTemplate": (TEMPLATE.urn,)})


def pool(**facts: object) -> Resource:
    stated = {
        "workload": "chat",
        "instanceType": "g6e.12xlarge",
        "purchase": "on-demand",
        "nodes": 3,
        **facts,
    }
    return resource("inferstack:index:GpuPool", "pool", stated, parent=ENVIRONMENT)


def test_instances_and_root_volumes_by_hand() -> None:
    # 2 nodes x 730 h x $10; 120 GB x $0.10; 2 x 1,000 IOPS x $0.01; 2 x 375 MiB/s x $0.05
    assert amounts(group(), TEMPLATE) == ["14600.00", "12.00", "20.00", "37.50"]


def test_a_pool_is_billed_for_the_planned_nodes() -> None:
    planned = pool()
    assert amounts(planned, group(planned.urn), TEMPLATE)[0] == "21900.00"


def test_spot_has_its_own_price_and_a_star() -> None:
    planned = pool(purchase="spot")
    first = lines(planned, group(planned.urn, capacityType="SPOT"), TEMPLATE)[0]
    assert str(first.monthly) == "8760.00"
    assert first.usage_based


def test_a_capacity_reservation_is_billed_as_on_demand() -> None:
    planned = pool(purchase="capacity-reservation")
    assert amounts(planned, group(planned.urn), TEMPLATE)[0] == "21900.00"


@pytest.mark.parametrize("purchase", ["savings-plan-1y", "savings-plan-3y", "reserved", "capacity-block"])
def test_commitments_have_no_list_price(purchase: str) -> None:
    planned = pool(purchase=purchase)
    assert amounts(planned, group(planned.urn), TEMPLATE)[0] is None


def test_a_type_without_a_price_is_a_gap_and_its_volumes_are_not() -> None:
    assert amounts(group(instanceTypes=["p5e.48xlarge"]), TEMPLATE)[:2] == [None, "12.00"]


def test_a_type_nobody_knows_is_a_gap() -> None:
    assert amounts(group(instanceTypes=["x9.metal"]), TEMPLATE)[0] is None


def test_of_several_types_the_first_is_priced_and_said() -> None:
    first = lines(group(instanceTypes=["m7i.xlarge", "g6e.12xlarge"]), TEMPLATE)[0]
    assert str(first.monthly) == "292.00"
    assert "first of 2 types" in first.label


def test_an_unknown_size_is_a_gap() -> None:
    assert amounts(group(scalingConfig={"desiredSize": UNKNOWN}), TEMPLATE) == [None, None, None, None]


def test_a_template_from_elsewhere_is_a_gap() -> None:
    assert amounts(group()) == ["14600.00", None]


def test_an_unknown_purchase_is_a_gap() -> None:
    planned = pool(purchase=UNKNOWN)
    assert amounts(planned, group(planned.urn), TEMPLATE)[0] is None


def test_warm_nodes_that_run_cost_what_nodes_cost() -> None:
    warm = group(warmPoolConfig={"minSize": 1, "poolState": "Running"})
    # one more node: 730 h x $10; three volumes of 60 GB, 1,000 extra IOPS and 375 extra MiB/s
    assert amounts(warm, TEMPLATE) == ["14600.00", "7300.00", "18.00", "30.00", "56.25"]


def test_warm_nodes_that_are_stopped_cost_their_volumes() -> None:
    warm = group(warmPoolConfig={"minSize": 1, "poolState": "Stopped"})
    assert amounts(warm, TEMPLATE) == ["14600.00", "18.00", "30.00", "56.25"]


def test_an_unknown_warm_pool_is_a_gap() -> None:
    assert None in amounts(group(warmPoolConfig=UNKNOWN), TEMPLATE)
