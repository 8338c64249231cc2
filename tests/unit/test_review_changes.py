"""Changes as text: what destroys comes first, secrets never show."""

from __future__ import annotations

import pytest

from inferstack.engine.diff import compare
from inferstack.engine.graph import Graph, in_apply_order
from inferstack.resources import UNKNOWN, Options, Resource, Secret
from inferstack.review.changes import change_lines, first_lines, shown, verdict

STACK = "urn:pulumi:prod::shop::pulumi:pulumi:Stack::shop-prod"
NETWORK = "urn:pulumi:prod::shop::inferstack:index:Network::network"


def graph(cidr="10.0.0.0/16", *, word="hunter1", bucket=True, nodes=1):
    under = "urn:pulumi:prod::shop::inferstack:index:Network$aws:"
    found = [
        Resource(urn=STACK, type="pulumi:pulumi:Stack", name="shop-prod", custom=False),
        Resource(urn=NETWORK, type="inferstack:index:Network", name="network", parent=STACK, custom=False),
        Resource(
            urn=under + "ec2/vpc:Vpc::vpc",
            type="aws:ec2/vpc:Vpc",
            name="vpc",
            parent=NETWORK,
            inputs={"cidrBlock": cidr, "tags": {"Name": "x"}},
            options=Options(protect=True),
        ),
        Resource(
            urn=under + "ec2/subnet:Subnet::subnet",
            type="aws:ec2/subnet:Subnet",
            name="subnet",
            parent=NETWORK,
            inputs={"vpcId": UNKNOWN},
            dependencies=(under + "ec2/vpc:Vpc::vpc",),
            property_dependencies={"vpcId": (under + "ec2/vpc:Vpc::vpc",)},
        ),
        Resource(
            urn="urn:pulumi:prod::shop::aws:iam/role:Role::role",
            type="aws:iam/role:Role",
            name="role",
            parent=STACK,
            inputs={"assumeRolePolicy": Secret(word)},
        ),
    ]
    if bucket:
        urn = "urn:pulumi:prod::shop::aws:s3/bucket:Bucket::weights"
        found.append(Resource(urn=urn, type="aws:s3/bucket:Bucket", name="weights", parent=STACK))
    for number in range(nodes):
        urn = under + f"ec2/eip:Eip::eip-{number}"
        found.append(Resource(urn=urn, type="aws:ec2/eip:Eip", name=f"eip-{number}", parent=NETWORK))
    return Graph(in_apply_order(found), stack="prod", project="shop")


EXPECTED = """\
prod against main: 2 replaced, 1 deleted, 1 changed, 1 added (3 unchanged)

Destroyed or replaced (3)
  -/+ network  vpc  aws:ec2/vpc:Vpc
        cidrBlock: "10.0.0.0/16" → "10.1.0.0/16"  forces replacement
        ! protected: `pulumi up` will refuse
  -/+ network  subnet  aws:ec2/subnet:Subnet
        vpcId: another <known after deployment>  forces replacement
  -   weights  aws:s3/bucket:Bucket

prod
  ~   role  aws:iam/role:Role
        assumeRolePolicy: another [secret]

network
  +   eip-1  aws:ec2/eip:Eip
"""


def test_what_destroys_comes_first_then_the_rest_by_component():
    diff = compare(graph(), graph("10.1.0.0/16", word="hunter2", bucket=False, nodes=2))
    text = "\n".join(change_lines(diff, "main")) + "\n"
    assert text == EXPECTED


def test_no_changes_is_said_in_one_line():
    assert list(change_lines(compare(graph(), graph()), "out/prod")) == [
        "prod against out/prod: no changes in 7 resources"
    ]


def test_the_verdict_leaves_out_what_does_not_happen():
    assert verdict(compare(graph(), graph(nodes=3)), "main") == "prod against main: 2 added (7 unchanged)"


def test_a_first_deployment_counts_by_component():
    lines = list(first_lines(graph(nodes=2)))
    assert lines[0].startswith("prod: 8 resources to create")
    assert "network (5)" in lines
    assert "  +   2  aws:ec2/eip:Eip" in lines


def test_many_changed_properties_are_counted_after_the_first():
    def policy(value):
        urn = "urn:pulumi:prod::shop::aws:iam/role:Role::r"
        inputs = {f"key{n:02d}": value for n in range(20)} | {"name": value}
        return Graph((Resource(urn=urn, type="aws:iam/role:Role", name="r", inputs=inputs),), "prod", "shop")

    lines = list(change_lines(compare(policy("a"), policy("b")), "main"))
    assert lines[4] == '        name: "a" → "b"  forces replacement'
    assert lines[-1] == "        … and 9 more (--json has all)"


def test_long_texts_are_shown_from_where_they_differ():
    def rule(metric):
        urn = "urn:pulumi:prod::shop::aws:iam/role:Role::r"
        expression = "sum(rate(" + "x" * 100 + f"{metric}[5m]))"
        inputs = {"description": expression}
        return Graph((Resource(urn=urn, type="aws:iam/role:Role", name="r", inputs=inputs),), "prod", "shop")

    lines = list(change_lines(compare(rule("_old"), rule("_new")), "main"))
    assert lines[-1] == f'        description: "…{"x" * 19}_old[5m]))" → "…{"x" * 19}_new[5m]))"'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"a": [true, null], "b": 1}'),
        (UNKNOWN, "<known after deployment>"),
        ({"key": Secret("hunter2")}, '{"key": [secret]}'),
        ("x" * 100, '"' + "x" * 58 + "…"),
        ("müde", '"müde"'),
    ],
)
def test_values_are_shown_on_one_short_line(value, text):
    assert shown(value) == text
