"""The JSON Schema: correct draft, agrees with the models, complete enough for editors."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from inferstack.spec.accepted import Accepted, nearest
from inferstack.spec.json_schema import MODELS, schema_of
from inferstack.spec.yaml_lines import read

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
KINDS = ("workload", "environment")
FILES = {
    "workload": [*TESTS.glob("data/examples/chat*.yaml"), *ROOT.glob("stacks/*/workloads/*.yaml")],
    "environment": [TESTS / "data/examples/environment.yaml", *ROOT.glob("stacks/*/environment.yaml")],
}
CASES = [(kind, path) for kind in KINDS for path in sorted(FILES[kind])]


def validator(kind: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema_of(kind))


def data_of(path: Path) -> dict:
    return read(path.read_text(encoding="utf-8"), file=path.name).data


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_valid_draft_2020_12(kind):
    jsonschema.Draft202012Validator.check_schema(schema_of(kind))
    assert schema_of(kind)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(schema_of(kind))) == schema_of(kind)


@pytest.mark.parametrize(("kind", "path"), CASES, ids=lambda value: getattr(value, "stem", value))
def test_the_examples_pass_the_schema_as_they_pass_the_models(kind, path):
    data = data_of(path)
    validator(kind).validate(data)
    MODELS[kind].model_validate(data, by_alias=True, by_name=False)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_says_what_it_means(kind):
    schema = schema_of(kind)
    sections = [schema, *(node for node in schema["$defs"].values() if "properties" in node)]
    assert len(sections) > 9
    for section in sections:
        assert section["description"]
        assert section["additionalProperties"] is False
        for key, node in section["properties"].items():
            described = (
                node.get("description") or schema["$defs"][node["$ref"].rpartition("/")[2]]["description"]
            )
            assert described, key


@pytest.mark.parametrize("kind", KINDS)
def test_every_default_in_the_schema_is_accepted_and_means_the_models_default(kind):
    """A file that writes every scalar default out is the same spec as one that leaves them out."""
    schema = schema_of(kind)
    accepted = Accepted(schema)
    data = data_of(
        TESTS / "data/examples" / {"workload": "chat.yaml", "environment": "environment.yaml"}[kind]
    )
    written = dict(data)
    sections = [
        key for key in schema["properties"] if any("properties" in node for node in accepted.at((key,)))
    ]
    for section in set(sections) - {
        "model",
        "traffic",
        "rollout",
        "budget",
        "evaluation",
        "gateway",
        "cloud",
    }:
        node = next(node for node in accepted.at((section,)) if "properties" in node)
        defaults = {key: item["default"] for key, item in node["properties"].items() if "default" in item}
        defaults.pop("annualRevenue", None)
        written[section] = defaults | written.get(section, {})
    jsonschema.Draft202012Validator(schema).validate(written)
    model = MODELS[kind]
    assert model.model_validate(written, by_alias=True) == model.model_validate(data, by_alias=True)


def test_choices_are_enumerated():
    accepted = Accepted(schema_of("workload"))
    assert "savings-plan-1y" in accepted.choices(("capacity", "purchase", 0))
    assert accepted.choices(("data", "classification")) == (
        "public",
        "internal",
        "confidential",
        "restricted",
    )
    assert Accepted(schema_of("environment")).choices(("cluster", "gpuNodes")) == ("managed", "karpenter")


@pytest.mark.parametrize(
    ("kind", "path", "words"),
    [
        ("workload", ("slo", "ttftP95"), "a number with a unit: 60ms, 1.5s, 10m, 2h, 15d"),
        ("workload", ("traffic", "sharedPrefix"), "a number from 0 to 1"),
        ("workload", ("traffic", "inputTokens"), "a number from 0 to 10,000,000 or a section with mean, p95"),
        ("workload", ("usage", "commercial"), "true or false"),
        ("workload", ("rollout", "steps"), "a list, each a whole number from 1 to 100"),
        ("workload", ("kind",), "Workload"),
        ("environment", ("tags",), "a section of `key: value` lines"),
        ("environment", ("network", "nat"), "none, single, per-zone, regional"),
        ("environment", ("nowhere",), None),
    ],
)
def test_what_is_accepted_can_be_said_in_words(kind, path, words):
    assert Accepted(schema_of(kind)).words(path) == words


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("modle", "model"), ("trafic", "traffic"), ("slos", "slo"), ("fall_back", "fallback"), ("cost_centre", "costCentre"),
        ("costCenter", "costCentre"), ("zzz", None), ("", None),
    ],
)  # fmt: skip
def test_misspelt_keys_find_the_key_that_was_meant(written, meant):
    assert nearest(written, Accepted(schema_of("workload")).keys(())) == meant


def test_a_key_in_the_wrong_place_is_found_elsewhere():
    assert Accepted(schema_of("workload")).elsewhere("itlP95") == "slo.itlP95"
    assert Accepted(schema_of("workload")).elsewhere("nothing") is None


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 300), st.floats(0, 5), st.sampled_from(["EU", "1s", "2%", "spot", "x", "fp8"]),
    st.lists(st.sampled_from(["EU", "spot", "g6e.xlarge", 1]), max_size=3),
    st.dictionaries(st.sampled_from(["mean", "p95", "min", "max", "id"]), st.integers(1, 9), max_size=2),
)  # fmt: skip


@settings(max_examples=80)
@given(st.data())
def test_what_the_models_accept_the_schema_accepts(data):
    """The schema is never stricter than the models: an editor must not underline a sound file."""
    kind = data.draw(st.sampled_from(KINDS))
    accepted = Accepted(schema_of(kind))
    base = yaml.safe_load(
        (TESTS / "data/examples" / f"{'chat' if kind == 'workload' else 'environment'}.yaml").read_text()
    )
    section = data.draw(st.sampled_from(accepted.keys(())))
    inner = accepted.keys((section,))
    value = data.draw(VALUES)
    base[section] = {data.draw(st.sampled_from(inner)): value} if inner else value
    try:
        MODELS[kind].model_validate(base, by_alias=True, by_name=False)
    except ValidationError:
        return
    validator(kind).validate(base)
