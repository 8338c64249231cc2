"""CloudWatch log groups: what is written and what is kept."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, bill, resource

from inferstack.resources import Resource

GROUP = resource("aws:cloudwatch/logGroup:LogGroup", "logs", parent=ENVIRONMENT)


def written_by(kind: str) -> Resource:
    inputs = {"version": "1.35", "vpcEndpointType": "Gateway"}
    return resource(kind, "writer", inputs, parent=ENVIRONMENT, depends={"logDestination": (GROUP.urn,)})


def of_group(*others: Resource) -> list[str]:
    (found,) = [cost for cost in bill(GROUP, *others).resources if cost.urn == GROUP.urn]
    return [str(line.monthly) for line in found.lines]


def test_flow_logs_are_vended() -> None:
    # 30 GB x $0.25 written, 30 GB x $0.03 kept
    assert of_group(written_by("aws:ec2/flowLog:FlowLog")) == ["7.50", "0.90"]


def test_control_plane_logs_are_not() -> None:
    assert of_group(written_by("aws:eks/cluster:Cluster")) == ["10.00", "0.60"]


def test_other_logs_are_few() -> None:
    assert of_group() == ["2.50", "0.15"]


def test_all_of_it_is_assumed() -> None:
    (found,) = bill(GROUP).resources
    assert all(line.usage_based for line in found.lines)
