"""The bill's text and JSON, byte for byte, from fixed prices and a small environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inferstack.cost.compare import compare
from inferstack.cost.document import document
from inferstack.cost.text import bill_lines, comparison_lines
from tests.unit.cost_graphs import ENVIRONMENT, bill, resource, workload

HERE = Path(__file__).parent


def small(nodes, purchase="on-demand"):
    facts = {"workload": "chat", "instanceType": "g6e.12xlarge", "purchase": purchase, "nodes": nodes}
    pool = resource("inferstack:index:GpuPool", "chat-gpus", facts, parent=ENVIRONMENT)
    disk = {"volumeType": "gp3", "volumeSize": 60, "iops": 4000, "throughput": 500}
    template = resource(
        "aws:ec2/launchTemplate:LaunchTemplate",
        "t",
        {"blockDeviceMappings": [{"ebs": disk}]},
        parent=pool.urn,
    )
    group = resource(
        "aws:eks/nodeGroup:NodeGroup",
        "chat-gpus",
        {"instanceTypes": ["g6e.12xlarge"]},
        parent=pool.urn,
        depends={"launchTemplate": (template.urn,)},
    )
    network = resource("inferstack:index:Network", "network", {}, parent=ENVIRONMENT)
    return bill(
        workload(budgetMonthlyUsd="25000"),
        pool,
        template,
        group,
        network,
        resource("aws:ec2/natGateway:NatGateway", "nat", parent=network.urn),
        resource("aws:eks/cluster:Cluster", "cluster", {"version": "1.35"}, parent=ENVIRONMENT),
        resource("aws:rds/cluster:Cluster", "db", parent=ENVIRONMENT),
        resource("aws:kms/key:Key", "key", {"region": "eu-south-2"}, parent=ENVIRONMENT),
        budgetMonthlyUsd="20000",
    )


RENDERED = {
    "bill.txt": lambda: "\n".join(bill_lines(small(3))) + "\n",
    "bill.json": lambda: json.dumps(document(small(3), compare(small(2), small(3))), indent=2) + "\n",
    "change.txt": lambda: "\n".join(comparison_lines(compare(small(2, "spot"), small(3)))) + "\n",
}


@pytest.mark.parametrize("name", RENDERED)
def test_the_bill_reads_as_recorded(name, request):
    text = RENDERED[name]()
    if request.config.getoption("--update-golden", default=False):
        (HERE / name).write_text(text, encoding="utf-8")
    assert text == (HERE / name).read_text(encoding="utf-8"), "run `make golden` and review the diff"
