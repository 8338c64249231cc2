"""The offline graph equals the real engine's."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from inferstack.engine.graph import Graph
from inferstack.engine.preview import from_document
from inferstack.engine.program import run_program
from inferstack.engine.project import Target, find_project, resolve
from inferstack.resources import UNKNOWN
from tests.engine.equality import disagreements
from tests.engine.harness import ROOT

pytestmark = pytest.mark.engine

SMALL = ROOT / "tests/engine/fixtures/small"
SMALL_CONFIG = {"small:region": "eu-central-1", "small:token": "hunter2"}
BLOCKED = sorted(found.name for found in (ROOT / "tests/blocked").iterdir() if found.is_dir())


@pytest.fixture(scope="session")
def small(engine):
    """The small program, offline and under the engine."""
    target = Target(project=find_project(SMALL), stack="test", environment=SMALL, config=SMALL_CONFIG)
    result = engine.preview(SMALL, "test", SMALL_CONFIG)
    assert result.returncode == 0, result.stdout + result.stderr
    return run_program(target), result.stdout


def test_the_small_program_has_the_same_graph(small):
    offline, text = small
    assert len(offline) == 16
    assert disagreements(offline, from_document(json.loads(text))) == []


def test_the_engine_masks_the_secret_too(small):
    offline, text = small
    assert "hunter2" not in json.dumps(json.loads(text)["steps"])
    assert "hunter2" not in repr(offline.resources)


def test_the_comparison_sees_every_kind_of_difference(small):
    offline, text = small
    real = from_document(json.loads(text))
    vpc = next(found for found in offline if found.type == "aws:ec2/vpc:Vpc")
    changed = {
        "a name": replace(vpc, name="other"),
        "an input": replace(vpc, inputs={**vpc.inputs, "cidrBlock": "10.1.0.0/16"}),
        "a value not known": replace(vpc, inputs={**vpc.inputs, "cidrBlock": UNKNOWN}),
        "a missing input": replace(vpc, inputs={}),
        "a dependency": replace(vpc, dependencies=(offline.resources[0].urn,)),
        "a parent": replace(vpc, parent=None),
        "an option": replace(vpc, options=replace(vpc.options, protect=False)),
        "a URN": replace(vpc, urn=vpc.urn + "x"),
    }
    for what, other in changed.items():
        graph = Graph(tuple(other if found.urn == vpc.urn else found for found in offline))
        assert disagreements(graph, real), what


@pytest.mark.parametrize(
    "env", ["stacks/dev", "stacks/prod-eu", "stacks/prod-us", *(f"tests/blocked/{case}" for case in BLOCKED)]
)
def test_an_environment_has_the_same_graph(engine, env):
    target = resolve(ROOT / env / "environment.yaml")
    result = engine.preview(ROOT, target.stack, dict(target.config))
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr
    real = from_document(json.loads(result.stdout))
    assert len(real) > 20
    assert disagreements(run_program(target), real) == []
