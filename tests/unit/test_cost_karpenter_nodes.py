"""Nodes that Karpenter starts: the planned count, and the volumes of the node class."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, amounts, bill, lines, resource

from inferstack.resources import UNKNOWN, Resource

CLASS = resource(
    "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass",
    "nodes",
    {
        "spec": {
            "blockDeviceMappings": [
                {"ebs": {"volumeType": "gp3", "volumeSize": "60Gi", "iops": 4000, "throughput": 600}}
            ]
        }
    },
)


def pool(**facts: object) -> Resource:
    stated = {"instanceType": "g6e.12xlarge", "purchase": "on-demand", "nodes": 3, **facts}
    return resource("inferstack:index:GpuPool", "pool", stated, parent=ENVIRONMENT)


def node_pool(parent: str) -> Resource:
    return resource(
        "kubernetes:karpenter.sh/v1:NodePool",
        "nodes",
        {"spec": {}},
        parent=parent,
        depends={"": (CLASS.urn,)},
    )


def test_instances_and_volumes_by_hand() -> None:
    planned = pool()
    # 3 x 730 h x $10; 180 GB x $0.10; 3 x 1,000 IOPS x $0.01; 3 x 475 MiB/s x $0.05
    assert amounts(planned, CLASS, node_pool(planned.urn)) == ["21900.00", "18.00", "30.00", "71.25"]


def test_spot_is_billed_as_spot() -> None:
    planned = pool(purchase="spot", nodes=1)
    first = lines(planned, CLASS, node_pool(planned.urn))[0]
    assert str(first.monthly) == "2920.00"
    assert first.usage_based


def test_a_standby_pool_costs_nothing_while_it_is_empty() -> None:
    planned = pool(nodes=0)
    assert amounts(planned, CLASS, node_pool(planned.urn)) == ["0.00", "0.00", "0.00", "0.00"]


def test_an_unknown_count_is_a_gap() -> None:
    planned = pool(nodes=UNKNOWN)
    assert amounts(planned, CLASS, node_pool(planned.urn)) == [None, None, None, None]


def test_a_pool_outside_any_plan_is_a_gap() -> None:
    assert amounts(CLASS, node_pool(ENVIRONMENT)) == [None]


def test_a_class_from_elsewhere_is_a_gap() -> None:
    planned = pool()
    assert amounts(planned, node_pool(planned.urn)) == ["21900.00", None]


def test_the_class_itself_is_free() -> None:
    assert not bill(CLASS).not_priced
