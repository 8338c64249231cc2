"""Preview documents: written as the engine writes them, read whoever wrote them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferstack.engine import preview, wire
from inferstack.engine.durations import canonical_duration, duration_of, seconds_of
from inferstack.engine.graph import Graph, in_apply_order
from inferstack.errors import InputError
from inferstack.resources import UNKNOWN, Options, Resource, Secret

STACK = "urn:pulumi:prod::shop::pulumi:pulumi:Stack::shop-prod"
PROVIDER = "urn:pulumi:prod::shop::pulumi:providers:aws::eu"
VPC = "urn:pulumi:prod::shop::aws:ec2/vpc:Vpc::vpc"
SUBNET = "urn:pulumi:prod::shop::aws:ec2/subnet:Subnet::subnet"


def graph():
    return Graph(
        in_apply_order(
            [
                Resource(
                    urn=SUBNET,
                    type="aws:ec2/subnet:Subnet",
                    name="subnet",
                    parent=STACK,
                    inputs={
                        "vpcId": UNKNOWN,
                        "tags": {"n": 1.5},
                        "key": Secret("hunter2"),
                        "list": [UNKNOWN, None],
                    },
                    dependencies=(VPC,),
                    property_dependencies={"vpcId": (VPC,)},
                    provider=PROVIDER,
                    options=Options(
                        protect=True,
                        retain_on_delete=True,
                        ignore_changes=("tags",),
                        replace_on_changes=("zone",),
                        additional_secret_outputs=("key",),
                        aliases=(VPC + "-old",),
                        custom_timeouts=(("create", "1h30m"),),
                        deleted_with=VPC,
                    ),
                ),
                Resource(urn=VPC, type="aws:ec2/vpc:Vpc", name="vpc", parent=STACK, provider=PROVIDER),
                Resource(
                    urn=PROVIDER, type="pulumi:providers:aws", name="eu", parent=STACK, inputs={"region": "x"}
                ),
                Resource(urn=STACK, type="pulumi:pulumi:Stack", name="shop-prod", custom=False),
            ]
        ),
        stack="prod",
        project="shop",
        config={"shop:size": "3"},
    )


def test_a_document_has_the_engines_shape():
    found = preview.to_document(graph())
    assert found["changeSummary"] == {"create": 4}
    assert found["config"] == {"shop:size": "3"}
    step = found["steps"][-1]
    assert (step["op"], step["urn"]) == ("create", SUBNET)
    assert step["provider"] == PROVIDER + "::04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    assert step["newState"]["customTimeouts"] == {"create": 5400}
    assert step["newState"]["inputs"]["vpcId"] == "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    assert step["newState"]["propertyDependencies"] == {"vpcId": [VPC]}
    assert "parent" not in found["steps"][0]["newState"]


def test_secrets_are_masked():
    text = preview.dumps(preview.to_document(graph()))
    assert "hunter2" not in text
    assert '"key": "[secret]"' in text


def test_a_document_reads_back_as_the_graph_but_for_secret_values(tmp_path):
    path = tmp_path / "preview.json"
    path.write_text(preview.dumps(preview.to_document(graph())))
    read = preview.read_preview(path)
    assert (read.stack, read.project, read.config) == ("prod", "shop", {"shop:size": "3"})
    assert [found.urn for found in read] == [found.urn for found in graph()]
    assert read.by_urn[SUBNET].inputs["key"] == Secret(UNKNOWN)
    assert read.by_urn[SUBNET].options == graph().by_urn[SUBNET].options
    assert preview.to_document(read) == preview.to_document(graph())


@pytest.mark.parametrize("sentinel", sorted(wire.SENTINELS))
def test_every_sentinel_of_the_engine_is_unknown(sentinel):
    assert wire.from_json({"a": [sentinel]}) == {"a": [UNKNOWN]}


def test_bookkeeping_of_providers_and_engine_is_dropped():
    step = {
        "op": "create",
        "newState": {
            "urn": PROVIDER,
            "type": "pulumi:providers:aws",
            "custom": True,
            "inputs": {"__internal": {}, "region": "x", "version": "7.51.1"},
        },
    }
    assert preview.from_document({"steps": [step]}).resources[0].inputs == {"region": "x"}
    assert wire.from_json({"__defaults": [], "version": "1"}) == {"version": "1"}


def test_what_is_deleted_is_before_and_not_after():
    vpc = {"urn": VPC, "type": "aws:ec2/vpc:Vpc", "custom": True}
    document = {"steps": [{"op": "delete", "urn": VPC, "oldState": vpc}]}
    assert len(preview.from_document(document)) == 0
    assert [found.urn for found in preview.before_document(document)] == [VPC]


def test_an_exported_stack_reads_as_a_graph(tmp_path):
    path = tmp_path / "stack.json"
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "AAAA"}
    resources = [
        {"urn": VPC, "type": "aws:ec2/vpc:Vpc", "custom": True, "id": "vpc-1", "inputs": {"key": secret}}
    ]
    path.write_text(json.dumps({"version": 3, "deployment": {"resources": resources}}))
    assert preview.read_preview(path).by_urn[VPC].inputs == {"key": Secret(UNKNOWN)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not readable as JSON"),
        ("[]", "not a preview document"),
        ('{"steps": 3}', "not a preview document"),
        ('{"steps": [3]}', "not a preview document"),
        ('{"kind": "EnvironmentPlan", "workloads": []}', "not a preview document"),
        ("[" * 100_000, "not readable as JSON"),
        ("\0", "not readable as JSON"),
        ('{"steps": [{"op": "create", "newState": {"type": "a:b:C"}}]}', r"steps\[0\]"),
        ('{"steps": [{"op": "create", "newState": {"urn": "x", "type": "a:b:C"}}]}', "not a URN"),
        (
            json.dumps(
                {"steps": [{"op": "create", "newState": {"urn": VPC, "type": "t", "dependencies": 3}}]}
            ),
            r"steps\[0\]",
        ),
    ],
)
def test_what_is_no_preview_is_an_input_error(tmp_path, text, message):
    path = tmp_path / "preview.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        preview.read_preview(path)


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"none\.json: cannot be read: No such file"):
        preview.read_preview(tmp_path / "none.json")


def test_a_folder_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        preview.read_preview(tmp_path)


keys = st.text(min_size=1).filter(lambda key: not key.startswith("__"))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text() | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
).filter(lambda value: value not in {"[secret]", *wire.SENTINELS} if isinstance(value, str) else True)


@given(values)
def test_values_survive_the_way_through_json(value):
    assert wire.from_json(json.loads(json.dumps(wire.to_json(value)))) == value


@given(st.integers(0, 100_000))
def test_durations_survive_the_way_through_seconds(seconds):
    assert seconds_of(duration_of(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "shown"), [("90m", "1h30m"), ("1h30m", "1h30m"), ("3600s", "1h"), ("0s", "0s")]
)
def test_equal_durations_are_written_alike(text, shown):
    assert canonical_duration(text) == shown


@pytest.mark.parametrize("text", ["", "5", "m5", "5 m", "1d"])
def test_what_is_no_duration_is_an_input_error(text):
    with pytest.raises(InputError, match="not a duration"):
        seconds_of(text)


def test_resources_on_a_cycle_are_kept():
    one = Resource(urn=VPC, type="a:b:C", name="x", dependencies=(SUBNET,))
    two = Resource(urn=SUBNET, type="a:b:C", name="y", dependencies=(VPC,))
    assert in_apply_order([one, two]) == (two, one)


def test_components_are_paths_of_names_below_the_stack():
    outer = Resource(urn="o", type="a:b:Outer", name="outer", parent=STACK, custom=False)
    inner = Resource(urn="i", type="a:b:Inner", name="inner", parent="o", custom=False)
    leaf = Resource(urn="l", type="aws:x:Y", name="leaf", parent="i")
    found = Graph((*graph().resources, outer, inner, leaf))
    assert (found.components["l"], found.components["i"], found.components["o"]) == (
        "outer/inner",
        "outer/inner",
        "outer",
    )
    assert found.components[VPC] == ""
    assert [resource.urn for resource in found.managed()] == [VPC, SUBNET, "l"]
