"""The neutral resource view: unknowns have no truth, secrets never print, look-ups follow parents."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from inferstack.resources import UNKNOWN, Resource, Secret, Unknown, index

COMPONENT = Resource(
    urn="urn:pulumi:s::p::inferstack:index:Network::net", type="inferstack:index:Network", name="net"
)
PROVIDER = Resource(urn="urn:pulumi:s::p::pulumi:providers:aws::aws", type="pulumi:providers:aws", name="aws")
CHILD = Resource(
    urn="urn:pulumi:s::p::inferstack:index:Network$aws:ec2/vpc:Vpc::vpc",
    type="aws:ec2/vpc:Vpc",
    name="vpc",
    parent=COMPONENT.urn,
    provider=PROVIDER.urn + "::04da6b54",
    dependencies=(PROVIDER.urn,),
)


def test_unknown_is_one_value_even_after_copy_and_pickle() -> None:
    assert Unknown() is UNKNOWN
    assert copy.deepcopy({"a": UNKNOWN})["a"] is UNKNOWN
    assert pickle.loads(pickle.dumps(UNKNOWN)) is UNKNOWN


def test_unknown_has_no_truth() -> None:
    with pytest.raises(TypeError, match="unknown until deployment"):
        bool(UNKNOWN)


def test_secret_never_prints_its_value() -> None:
    secret = Secret("hunter2")
    assert (
        "hunter2"
        not in f"{secret} {secret!r} {[secret]} {Resource(urn='u', type='t', name='n', inputs={'p': secret})}"
    )
    with pytest.raises(TypeError):
        json.dumps({"password": secret})


def test_provider_is_found_by_urn_and_by_engine_reference() -> None:
    graph = index([COMPONENT, PROVIDER, CHILD])
    assert graph.provider(CHILD) is PROVIDER
    assert graph.provider(COMPONENT) is None


def test_ancestors_stop_at_the_root_and_at_a_cycle() -> None:
    assert list(index([COMPONENT, CHILD]).ancestors(CHILD)) == [COMPONENT]
    loop = Resource(urn="a", type="t", name="a", parent="b")
    back = Resource(urn="b", type="t", name="b", parent="a")
    assert list(index([loop, back]).ancestors(loop)) == [back]


def test_dependants_are_those_that_name_the_urn() -> None:
    assert index([COMPONENT, PROVIDER, CHILD]).dependants(PROVIDER.urn) == (CHILD,)
