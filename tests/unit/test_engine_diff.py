"""Differences between two graphs: what is added, changed, replaced, deleted, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferstack.engine import steps
from inferstack.engine.diff import compare
from inferstack.engine.graph import Graph, in_apply_order
from inferstack.engine.preview import from_document
from inferstack.engine.replacement import load_rules
from inferstack.engine.urns import child, inherited_alias, parse
from inferstack.errors import InputError
from inferstack.resources import UNKNOWN, Options, Resource, Secret

VPC, SUBNET = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet"
CLUSTER, NODES, TEMPLATE = (
    "aws:eks/cluster:Cluster",
    "aws:eks/nodeGroup:NodeGroup",
    "aws:ec2/launchTemplate:LaunchTemplate",
)
DEPLOYMENT, KUBERNETES = "kubernetes:apps/v1:Deployment", "pulumi:providers:kubernetes"
BOX = "inferstack:index:Box"


def urn(type_, name, parent=None):
    return child(stack="prod", project="shop", parent=parent, type_=type_, name=name)


def resource(
    type_, name, /, *, parent=None, depends=None, custom=None, provider=None, options=None, **inputs
):
    """``depends``: input → URNs it comes from."""
    depends = depends or {}
    return Resource(
        urn=urn(type_, name, parent),
        type=type_,
        name=name,
        parent=parent,
        custom=type_ != BOX if custom is None else custom,
        inputs=inputs,
        dependencies=tuple(sorted({one for found in depends.values() for one in found})),
        property_dependencies={key: tuple(found) for key, found in depends.items()},
        provider=provider,
        options=options or Options(),
    )


def graph(*resources):
    return Graph(in_apply_order(resources), stack="prod", project="shop")


def operations(old, new):
    found = compare(graph(*old), graph(*new))
    return {change.resource.name: change.op for change in found.changes}


def only(old, new):
    (change,) = (found for found in compare(graph(*old), graph(*new)).changes if found.op != "same")
    return change


names = st.sampled_from(["a", "b", "c", "d"])
leaves = st.integers(0, 2) | st.booleans() | st.just(UNKNOWN) | st.just(Secret("x"))
inputs = st.dictionaries(
    names, leaves | st.lists(leaves, max_size=2) | st.dictionaries(names, leaves, max_size=2), max_size=3
)
graphs = st.dictionaries(names, inputs, max_size=4).map(
    lambda found: graph(*(resource(VPC, name, **fields) for name, fields in found.items()))
)


@given(graphs)
def test_a_graph_does_not_differ_from_itself(found):
    assert set(compare(found, found).counts) <= {"same"}


@given(graphs, graphs)
def test_what_is_added_one_way_is_deleted_the_other_way(one, other):
    there, back = compare(one, other), compare(other, one)
    added = {change.resource.urn for change in there.having("create")}
    deleted = {change.resource.urn for change in back.having("delete")}
    assert added == deleted == other.by_urn.keys() - one.by_urn.keys()


@given(graphs, graphs)
def test_every_resource_of_both_sides_is_in_exactly_one_change(one, other):
    changes = compare(one, other).changes
    assert sorted(change.resource.urn for change in changes) == sorted(
        one.by_urn.keys() | other.by_urn.keys()
    )


@given(graphs, graphs)
def test_a_change_has_properties_exactly_when_it_is_an_update_or_a_replacement(one, other):
    for change in compare(one, other).changes:
        assert bool(change.properties) == (change.op in {"update", "replace"})


@given(graphs, graphs)
def test_the_document_of_a_diff_holds_the_new_graph(one, other):
    read = from_document(steps.to_document(compare(one, other)))
    assert set(read.by_urn) == set(other.by_urn)


@pytest.mark.parametrize(
    ("type_", "old", "new", "op"),
    [
        (VPC, {"cidrBlock": "10.0.0.0/16"}, {"cidrBlock": "10.1.0.0/16"}, "replace"),
        (VPC, {"tags": {"a": "b"}}, {"tags": {"a": "c"}}, "update"),
        (VPC, {"region": "eu-central-1"}, {"region": "eu-west-1"}, "replace"),
        (CLUSTER, {"roleArn": "a"}, {"roleArn": "b"}, "replace"),
        (CLUSTER, {"version": "1.34"}, {"version": "1.35"}, "update"),
        (CLUSTER, {"accessConfig": {"authenticationMode": "API"}}, {"accessConfig": {"authenticationMode": "CONFIG_MAP"}}, "update"),
        (CLUSTER, {"bootstrapSelfManagedAddons": True}, {"bootstrapSelfManagedAddons": False}, "replace"),
        (NODES, {"instanceTypes": ["g6.xlarge"]}, {"instanceTypes": ["g6e.xlarge"]}, "replace"),
        (NODES, {"scalingConfig": {"maxSize": 1}}, {"scalingConfig": {"maxSize": 2}}, "update"),
        (NODES, {"launchTemplate": {"version": "1"}}, {"launchTemplate": {"version": "2"}}, "update"),
        (NODES, {"launchTemplate": {"name": "a"}}, {"launchTemplate": {"name": "b"}}, "replace"),
        (NODES, {"capacityType": "SPOT"}, {}, "replace"),
        (DEPLOYMENT, {"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}, "update"),
        (DEPLOYMENT, {"spec": {"selector": {"matchLabels": {"a": "b"}}}}, {"spec": {"selector": {"matchLabels": {"a": "c"}}}}, "replace"),
        (DEPLOYMENT, {"metadata": {"namespace": "a"}}, {"metadata": {"namespace": "b"}}, "replace"),
        (DEPLOYMENT, {"metadata": {"labels": {"a": "b"}}}, {"metadata": {"labels": {}}}, "update"),
        ("kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet", {"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}, "replace"),
        (BOX, {"size": 1}, {"size": 2}, "update"),
    ],
)  # fmt: skip
def test_a_property_updates_or_replaces_as_its_provider_has_it(type_, old, new, op):
    change = only([resource(type_, "x", **old)], [resource(type_, "x", **new)])
    assert change.op == op
    assert bool(change.replace_reasons) == (op == "replace")


def test_a_change_names_the_leaf_and_both_sides():
    spec = lambda image: {"template": {"spec": {"containers": [{"image": "same"}, {"image": image}]}}}  # noqa: E731
    change = only([resource(DEPLOYMENT, "x", spec=spec("a"))], [resource(DEPLOYMENT, "x", spec=spec("b"))])
    (found,) = change.properties
    assert (found.path, found.kind, found.old, found.new, found.top) == (
        "spec.template.spec.containers[1].image",
        "update",
        "a",
        "b",
        "spec",
    )


def test_added_and_removed_properties_are_told_apart_from_changed_ones():
    change = only([resource(VPC, "x", a=1, b={"c": 1})], [resource(VPC, "x", b={"c": 1, "d.e": 2}, f=[1, 2])])
    assert [(found.path, found.kind) for found in change.properties] == [
        ("a", "delete"),
        ('b["d.e"]', "add"),
        ("f[0]", "add"),
        ("f[1]", "add"),
    ]


def test_true_and_one_are_different_values():
    assert operations([resource(VPC, "x", a=True)], [resource(VPC, "x", a=1)]) == {"x": "update"}


def test_ignored_changes_are_no_changes():
    options = Options(ignore_changes=("scalingConfig.desiredSize",))
    old = resource(NODES, "x", options=options, scalingConfig={"desiredSize": 1, "maxSize": 2})
    new = resource(NODES, "x", options=options, scalingConfig={"desiredSize": 5, "maxSize": 2})
    assert operations([old], [new]) == {"x": "same"}


@pytest.mark.parametrize("rule", ["tags", "tags.a", "*", "list[*].b"])
def test_replace_on_changes_replaces(rule):
    options = Options(replace_on_changes=(rule,))
    old, new = (resource(VPC, "x", options=options, tags={"a": n}, list=[{"b": n}]) for n in (1, 2))
    assert operations([old], [new]) == {"x": "replace"}


def test_a_type_without_known_rules_says_so():
    change = only([resource("aws:new/thing:Thing", "x", a=1)], [resource("aws:new/thing:Thing", "x", a=2)])
    assert change.op == "update"
    assert "may be a replacement" in change.notes[0]


def test_an_alias_is_a_rename_and_no_replacement():
    new = resource(VPC, "new", options=Options(aliases=(urn(VPC, "old"),)), cidrBlock="x")
    found = compare(graph(resource(VPC, "old", cidrBlock="x")), graph(new))
    assert [(one.op, one.resource.name, one.notes) for one in found.changes] == [
        ("same", "new", (f"was old ({VPC})",))
    ]


def test_a_renamed_component_takes_its_children_along():
    def tree(name, aliases=()):
        box = resource(BOX, name, options=Options(aliases=aliases))
        inner = resource(BOX, f"{name}-inner", parent=box.urn)
        return [
            box,
            inner,
            resource(VPC, f"{name}-inner-vpc", parent=inner.urn),
            resource(VPC, "plain", parent=box.urn),
        ]

    found = compare(graph(*tree("old")), graph(*tree("new", (urn(BOX, "old"),))))
    assert found.counts == {"same": 4}
    without = compare(graph(*tree("old")), graph(*tree("new")))
    # the URN of `plain` holds the type of its parent and not the name
    assert without.counts == {"create": 3, "delete": 3, "same": 1}


def test_two_resources_cannot_claim_the_same_old_one():
    aliases = Options(aliases=(urn(VPC, "old"),))
    found = operations(
        [resource(VPC, "old")], [resource(VPC, "a", options=aliases), resource(VPC, "b", options=aliases)]
    )
    assert sorted(found.values()) == ["create", "same"]


def chain(cidr="10.0.0.0/16", role="r", **options):
    vpc = resource(VPC, "vpc", cidrBlock=cidr)
    subnet = resource(SUBNET, "subnet", depends={"vpcId": [vpc.urn]}, vpcId=UNKNOWN, cidrBlock="10.0.0.0/24")
    cluster = resource(
        CLUSTER, "eks", depends={"vpcConfig": [subnet.urn]}, name="eks", roleArn=role, vpcConfig={"subnetIds": [UNKNOWN]},
        options=Options(**options),
    )  # fmt: skip
    nodes = resource(
        NODES,
        "gpu",
        depends={"clusterName": [cluster.urn], "subnetIds": [subnet.urn]},
        clusterName="eks",
        subnetIds=[UNKNOWN],
    )
    return [vpc, subnet, cluster, nodes]


def test_unknown_values_of_the_same_source_are_equal():
    assert set(operations(chain(), chain()).values()) == {"same"}


def test_a_replacement_is_followed_along_what_depends_on_it():
    assert operations(chain(), chain(cidr="10.1.0.0/16")) == {
        "vpc": "replace",
        "subnet": "replace",  # vpcId is new and cannot be changed in place
        "eks": "update",  # the subnets are new, and the cluster can be moved to them
        "gpu": "replace",  # node groups cannot
    }


def test_a_known_input_of_a_replaced_resource_stays_the_same():
    found = operations(chain(), chain(role="other"))
    assert (found["eks"], found["gpu"]) == ("replace", "same")


def test_what_is_deleted_first_takes_its_dependants_along():
    found = operations(chain(delete_before_replace=True), chain(role="other", delete_before_replace=True))
    assert (found["eks"], found["gpu"]) == ("replace", "replace")


def test_an_unknown_value_of_another_source_is_a_change():
    def subnet(vpc):
        one, two = resource(VPC, "one"), resource(VPC, "two")
        return [one, two, resource(SUBNET, "subnet", depends={"vpcId": [urn(VPC, vpc)]}, vpcId=UNKNOWN)]

    change = only(subnet("one"), subnet("two"))
    assert (change.resource.name, change.op, change.replace_reasons) == ("subnet", "replace", ("vpcId",))


def test_a_deployed_value_and_the_unknown_it_came_from_are_equal():
    vpc = resource(VPC, "vpc")
    deployed = resource(SUBNET, "subnet", depends={"vpcId": [vpc.urn]}, vpcId="vpc-0123")
    planned = resource(SUBNET, "subnet", depends={"vpcId": [vpc.urn]}, vpcId=UNKNOWN)
    assert set(operations([vpc, deployed], [vpc, planned]).values()) == {"same"}


def test_a_literal_that_becomes_an_output_is_a_change():
    vpc = resource(VPC, "vpc")
    planned = resource(SUBNET, "subnet", depends={"vpcId": [vpc.urn]}, vpcId=UNKNOWN)
    assert (
        operations([vpc, resource(SUBNET, "subnet", vpcId="vpc-0123")], [vpc, planned])["subnet"] == "replace"
    )


def test_a_new_launch_template_version_rolls_its_nodes():
    def fleet(tokens):
        template = resource(TEMPLATE, "lt", metadataOptions={"httpTokens": tokens})
        depends = {"launchTemplate": [template.urn]}
        return [
            template,
            resource(NODES, "gpu", depends=depends, launchTemplate={"id": UNKNOWN, "version": UNKNOWN}),
        ]

    assert operations(fleet("optional"), fleet("optional")) == {"lt": "same", "gpu": "same"}
    found = compare(graph(*fleet("optional")), graph(*fleet("required")))
    nodes = next(change for change in found.changes if change.resource.name == "gpu")
    assert (nodes.op, [changed.path for changed in nodes.properties]) == (
        "update",
        ["launchTemplate.version"],
    )


@pytest.mark.parametrize(
    ("old", "new", "op"),
    [
        ({"kubeconfig": "a"}, {"kubeconfig": "b"}, "replace"),
        (
            {"kubeconfig": "a", "clusterIdentifier": "c"},
            {"kubeconfig": "b", "clusterIdentifier": "c"},
            "update",
        ),
        (
            {"kubeconfig": "a", "clusterIdentifier": "c"},
            {"kubeconfig": "a", "clusterIdentifier": "d"},
            "replace",
        ),
        ({"kubeconfig": "a"}, {"kubeconfig": "a", "enableServerSideApply": "true"}, "update"),
    ],
)
def test_a_provider_of_another_cluster_replaces_everything_in_it(old, new, op):
    def inside(**inputs):
        provider = resource(KUBERNETES, "k8s", **inputs)
        return [provider, resource(DEPLOYMENT, "vllm", provider=provider.urn, spec={})]

    found = operations(inside(**old), inside(**new))
    assert found == {"k8s": op, "vllm": "replace" if op == "replace" else "same"}


@pytest.mark.parametrize(("region", "op"), [("eu-west-1", "replace"), ("eu-central-1", "same")])
def test_another_provider_replaces_when_it_means_another_place(region, op):
    def regional(name, where):
        provider = resource("pulumi:providers:aws", name, region=where)
        return [provider, resource(VPC, "vpc", provider=provider.urn, cidrBlock="x")]

    assert operations(regional("one", "eu-central-1"), regional("two", region))["vpc"] == op


def test_secrets_are_compared_where_both_are_known_and_never_shown():
    change = only([resource(VPC, "x", key=Secret("hunter1"))], [resource(VPC, "x", key=Secret("hunter2"))])
    assert change.op == "update"
    assert "hunter" not in repr(change)


def test_a_masked_secret_is_taken_as_unchanged():
    assert operations([resource(VPC, "x", key=Secret(UNKNOWN))], [resource(VPC, "x", key=Secret("a"))]) == {
        "x": "same"
    }


def test_a_secret_that_becomes_plain_is_a_change():
    assert operations([resource(VPC, "x", key=Secret("a"))], [resource(VPC, "x", key="a")]) == {"x": "update"}


def test_destroying_what_is_protected_is_flagged():
    protected = Options(protect=True)
    gone = only([resource(VPC, "x", options=protected)], [])
    replaced = only(
        [resource(VPC, "x", options=protected, cidrBlock="a")], [resource(VPC, "x", cidrBlock="b")]
    )
    assert gone.refused
    assert replaced.refused
    assert "refuse" in gone.notes[0]
    assert "refuse" in replaced.notes[0]


def test_deleting_what_is_retained_says_that_it_stays():
    gone = only([resource(VPC, "x", options=Options(retain_on_delete=True))], [])
    assert gone.notes == ("kept in the cloud, only forgotten by Pulumi",)


def test_deletions_come_in_reverse_apply_order():
    found = compare(graph(*chain()), graph())
    assert [change.resource.name for change in found.changes] == ["gpu", "eks", "subnet", "vpc"]


def test_another_stack_is_no_baseline():
    other = Graph((resource(VPC, "x"),), stack="dev", project="shop")
    with pytest.raises(InputError, match="cannot compare stack shop/prod with shop/dev"):
        compare(other, graph(resource(VPC, "x")))


def test_an_empty_baseline_means_that_everything_is_created():
    found = compare(Graph(()), graph(*chain()))
    assert found.counts == {"create": 4}
    assert found.counts == steps.first_deployment(graph(*chain())).counts


def test_the_steps_of_a_diff_say_what_and_why():
    document = steps.to_document(
        compare(graph(*chain(), resource(VPC, "gone")), graph(*chain(cidr="10.1.0.0/16")))
    )
    by_name = {parse(step["urn"]).name: step for step in document["steps"]}
    assert document["changeSummary"] == {"delete": 1, "replace": 3, "update": 1}
    vpc = by_name["vpc"]
    assert (vpc["op"], vpc["diffReasons"], vpc["replaceReasons"]) == ("replace", ["cidrBlock"], ["cidrBlock"])
    assert vpc["detailedDiff"] == {"cidrBlock": {"kind": "update-replace", "inputDiff": True}}
    assert vpc["oldState"]["inputs"] != vpc["newState"]["inputs"]
    assert by_name["eks"]["replaceReasons"] == []
    assert set(by_name["gone"]) == {"op", "urn", "oldState", "detailedDiff"}


def test_every_rule_names_a_type_of_a_package_that_is_used():
    rules = load_rules()
    assert all(type_.startswith(("aws:", "kubernetes:", "pulumi:providers:")) for type_ in rules.types)
    assert all(type_ in rules.types for type_ in rules.ripples)


@pytest.mark.parametrize(
    ("name", "parent", "alias", "expected"),
    [("new-vpc", "new", "old", "old-vpc"), ("vpc", "new", "old", "vpc"), ("new", "new", "old", "old")],
)
def test_children_named_after_their_parent_follow_its_old_name(name, parent, alias, expected):
    found = inherited_alias(
        child_urn=urn(VPC, name, urn(BOX, parent)), parent_name=parent, parent_alias=urn(BOX, alias)
    )
    assert found == urn(VPC, expected, urn(BOX, alias))


def test_what_is_no_urn_is_refused():
    with pytest.raises(ValueError, match="not a URN"):
        parse("urn:pulumi:a::b::c")
    assert parse("urn:pulumi:a::b::c$d::e::f").name == "e::f"


def test_replace_keeps_options_of_the_new_side():
    new = replace(resource(VPC, "x", cidrBlock="b"), options=Options(protect=True))
    assert not only([resource(VPC, "x", cidrBlock="a")], [new]).refused
