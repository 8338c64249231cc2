"""Checking a document: what is hidden comes out, what rests on stand-ins does not, nothing is changed."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferstack.cli.output import plain
from inferstack.errors import InputError
from inferstack.spec.accepted import Accepted
from inferstack.spec.check import check
from inferstack.spec.environment import Environment
from inferstack.spec.json_schema import schema_of
from inferstack.spec.load import parse_workload
from inferstack.spec.problems import Finding, document_path, problem, value_at
from inferstack.spec.workload import Workload
from inferstack.spec.yaml_lines import read

EXAMPLE = (Path(__file__).parents[1] / "data" / "examples" / "chat-full.yaml").read_text(encoding="utf-8")
WORKLOADS, ENVIRONMENTS = Accepted(schema_of("workload")), Accepted(schema_of("environment"))

# what is written in the example, what a slip makes of it, and where the problem is told
SLIPS = {
    "name: support-chat": ("name: Support Chat", "name"),
    "owner: team-support": ("owner: 12", "owner"),
    "costCentre:": ("costCenter:", "costCenter"),
    "quantization: auto ": ("quantization: fp7 ", "model.quantization"),
    "maxContext: 16384": ("maxContext: 16k", "model.maxContext"),
    "{name: tone, source:": ("{name: tone, from:", "model.adapters[0].from"),
    "requestsPerDay: 120000": ("requestsPerDay: none", "traffic.requestsPerDay"),
    "p95: 4000}": ("p95: 400}", "traffic.inputTokens.p95"),
    "sharedPrefix: 0.4": ("sharedPrefix: 40", "traffic.sharedPrefix"),
    "ttftP95: 1s, itlP95": ("ttftP95: 1, itlP95", "slo.ttftP95"),
    "availability: 99.9%": ("availability: 99.9", "slo.availability"),
    "classification: confidential": ("classification: secret", "data.classification"),
    "regulations: [GDPR]": ("regulations: GDPR", "data.regulations"),
    "commercial: true": ("commercial: on", "usage.commercial"),
    "savings-plan-1y]": ("savings-plan-2y]", "capacity.purchase[1]"),
    "{min: 2, max: 8}": ("{min: 9, max: 8}", "capacity.replicas.min"),
    "provider: bedrock": ("provider: bedrok", "fallback[0].provider"),
    "steps: [5, 25, 50, 100]": ("steps: [5, 25, 50]", "rollout.steps"),
    "errorRate: 2%": ("errorRate: 2", "rollout.abortOn.errorRate"),
    "passMark: 0.92": ("passMark: 92", "evaluation.passMark"),
    "enable-chunked-prefill": ("enable-chunked-prefil", "serving.vllm.enable-chunked-prefil"),
    "monthlyUsd: 45000": ("monthlyUsd: 0", "budget.monthlyUsd"),
}


@settings(deadline=None, max_examples=40)
@given(st.sets(st.sampled_from(sorted(SLIPS)), min_size=1))
def test_every_slip_in_a_file_is_told_whatever_the_others_are(slips):
    text = EXAMPLE
    for slip in slips:
        assert text.count(slip) == 1
        text = text.replace(slip, SLIPS[slip][0])
    with pytest.raises(InputError) as caught:
        parse_workload(text)
    assert {SLIPS[slip][1] for slip in slips} <= {problem.path for problem in caught.value.problems}


def test_a_slip_alone_brings_no_other_problem_with_it():
    follows = {"{name: tone, source:": 2}  # the misspelt key, and the one that is missing for it
    for slip, (wrong, _) in SLIPS.items():
        with pytest.raises(InputError) as caught:
            parse_workload(EXAMPLE.replace(slip, wrong))
        assert len(caught.value.problems) == follows.get(slip, 1), slip


def test_a_sound_document_is_its_model_and_nothing_is_touched():
    data = read(EXAMPLE, file="x").data
    before = copy.deepcopy(data)
    checked = check(data, Workload, WORKLOADS)
    assert (checked.findings, checked.touched) == ((), frozenset())
    assert checked.value == Workload.model_validate(data)
    assert data == before


def test_checking_never_changes_the_document():
    data = {
        "kind": "Workload",
        "traffic": {"requestsPerDay": "x", "hourly": [1]},
        "fallback": [{"on": []}, 3],
    }
    before = copy.deepcopy(data)
    assert check(data, Workload, WORKLOADS).findings
    assert data == before


@pytest.mark.parametrize(("model", "accepted"), [(Workload, WORKLOADS), (Environment, ENVIRONMENTS)])
def test_even_an_empty_document_is_mended_so_that_the_rest_can_be_checked(model, accepted):
    checked = check({}, model, accepted)
    assert isinstance(checked.value, model)
    assert {finding.message for finding in checked.findings} == {"is missing"}
    assert {finding.path for finding in checked.findings} == {(key,) for key in accepted.root["required"]}


@pytest.mark.parametrize(
    ("model", "accepted", "section"),
    [
        *((Workload, WORKLOADS, key) for key in WORKLOADS.keys(())),
        *((Environment, ENVIRONMENTS, key) for key in ENVIRONMENTS.keys(())),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_empty_section_is_mended_too(model, accepted, section):
    """Also lists of empty sections: every required field has an example that its own type accepts."""
    for empty in ({}, [{}], {"adapters": [{}]}, {"inputTokens": {}}):
        assert check({section: empty}, model, accepted).value is not None


def test_list_elements_are_mended_without_moving_their_neighbours():
    data = read(EXAMPLE, file="x").data
    data["fallback"] = [{"provider": "bedrok", "model": "m"}, {"provider": "openai"}, "text"]
    paths = [finding.path for finding in check(data, Workload, WORKLOADS).findings]
    assert paths == [("fallback", 0, "provider"), ("fallback", 1, "model"), ("fallback", 2)]


def test_a_finding_rests_on_what_it_judged():
    finding = Finding(path=("a", "b"), message="", involves=(("a", "b"), ("c",)))
    assert finding.rests_on({("a",)})
    assert finding.rests_on({("c",)})
    assert not finding.rests_on({("a", "b", "deeper"), ("d",)})


@pytest.mark.parametrize(
    ("loc", "path"),
    [
        (("traffic", "requestsPerDay"), ("traffic", "requestsPerDay")),
        (("traffic", "missing"), ("traffic", "missing")),
        (("zones", "ids", 0), ("zones", 0)),
        (("zones", "ids", 7), ("zones",)),
        (("usage", "annualRevenueUsd"), ("usage", "annualRevenue")),
        (("tags", "a:b", "[key]"), ("tags", "a:b")),
        (("model", "id"), ("model",)),
        ((), ()),
    ],
)
def test_error_locations_become_paths_of_the_file(loc, path):
    data = {
        "traffic": {"requestsPerDay": 1},
        "zones": ["x"],
        "usage": {"annualRevenue": 1},
        "tags": {"a:b": 1},
        "model": "m",
    }
    assert document_path(data, loc) == path


def test_values_are_found_by_path_and_absent_ones_are_none():
    data = {"a": [{"b": 1}]}
    assert value_at(data, ("a", 0, "b")) == 1
    assert value_at(data, ()) == data
    assert [
        value_at(data, path) for path in [("a", 1), ("a", 0, "c"), ("x",), ("a", "b"), ("a", 0, "b", "c")]
    ] == [None] * 5


def test_values_are_shown_as_they_were_written():
    document = read('a: 1.10\nb: "1.10"\nc: [1]\nd: {e: 1}\nf: "\\e[31m"\ng: ' + "x" * 99 + "\n", file="x")
    shown = [problem(Finding(path=(key,), message="m"), document).value for key in "abcdfg"]
    assert shown == ["1.10", '"1.10"', "a list", "a section", '"\\x1b[31m"', "x" * 59 + "…"]


@pytest.mark.parametrize(("accepted", "model"), [(WORKLOADS, Workload), (ENVIRONMENTS, Environment)])
def test_examples_stand_in_for_every_required_field(accepted, model):
    example = {key: accepted.example((key,)) for key in accepted.root["required"]}
    checked = check(example, model, accepted)
    assert checked.value is not None


def test_a_spec_prints_as_plain_json():
    printed = json.loads(json.dumps(plain(parse_workload(EXAMPLE))))
    assert printed["slo"]["ttftP95"] == "1s"
    assert printed["slo"]["availability"] == "99.9%"
    assert printed["budget"] == {"monthlyUsd": "45000"}
    assert printed["rollout"]["abortOn"]["ttftP95"] == "1500ms"
