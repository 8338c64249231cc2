"""Whatever a file holds, reading it ends in a spec or in InputError, and the error can be printed."""

from __future__ import annotations

import copy
import datetime as dt
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from inferstack.catalog.load import load_catalog
from inferstack.errors import InputError, Problem
from inferstack.spec.checks import Knowledge
from inferstack.spec.load import load_workload, parse_environment, parse_workload

EXAMPLES = Path(__file__).parents[1] / "data" / "examples"
KNOWN = Knowledge(catalog=load_catalog(), today=dt.date(2026, 11, 20))
CHAT = (EXAMPLES / "chat-full.yaml").read_text(encoding="utf-8")
ENVIRONMENT = (EXAMPLES / "environment.yaml").read_text(encoding="utf-8")
FAST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def problems_of(parse, text: str) -> tuple[Problem, ...] | None:
    """None for a sound text; any error but InputError goes through."""
    try:
        parse(text, known=KNOWN)
    except InputError as error:
        return error.problems
    return None


def ends_well(parse, text: str) -> None:
    told = problems_of(parse, text)
    assert told != ()
    assert all(str(problem).isprintable() for problem in told or ())
    "".join(map(str, told or ())).encode("utf-8")


fragments = st.sampled_from(
    ["a", "name", "model", "traffic", "slo", ": ", ":", "- ", "\n", "\n  ", "\n    ", "{", "}", "[", "]", ", ", "&x ",
     "*x", "!!str ", "!<x> ", "<<: ", "'", '"', "|\n", ">\n", "#", "? ", "---\n", "...\n", "%YAML 1.1\n", "\t", "yes",
     "012", "1e5", ".nan", "~", "\\", "@", "`", "\ufeff", "\x85", "é", "\U0001f600", "0" * 30]
)  # fmt: skip


@FAST
@given(st.lists(fragments, max_size=40).map("".join))
@example("? - a\n: b")
@example("a: !!python/name:os.system ''")
@example('"\\ud800": 1')
@example('"\\x1b[2J": "\\e"')
def test_yaml_like_text(text):
    ends_well(parse_workload, text)


@FAST
@given(st.text(max_size=200))
def test_any_text(text):
    ends_well(parse_environment, text)


@settings(FAST, max_examples=60)
@given(raw=st.binary(max_size=300))
def test_any_bytes(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(raw)
    ends_well(lambda _, known: load_workload(path, known=known), "")


@FAST
@given(st.data())
def test_a_sound_file_with_some_characters_changed(data):
    text, parse = data.draw(st.sampled_from([(CHAT, parse_workload), (ENVIRONMENT, parse_environment)]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 6))
        text = text[:at] + data.draw(fragments) + text[at + cut :]
    ends_well(parse, text)


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.text(max_size=8),
    st.dates(), st.sampled_from(["EU", "1s", "2%", "us-east-1", "10.0.0.0/16", "Qwen/Qwen3-8B", "spot", "0"]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(node: Any, path: tuple = ()) -> list[tuple]:
    """Paths of everything inside ``node``."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [deeper for key, child in children for deeper in [(*path, key), *places(child, (*path, key))]]


@FAST
@given(st.data())
def test_a_sound_spec_with_values_replaced_removed_or_added(data):
    text, parse = data.draw(st.sampled_from([(CHAT, parse_workload), (ENVIRONMENT, parse_environment)]))
    spec = yaml.safe_load(text.replace(" on:", ' "on":'))
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(places(spec) or [()]))
        if not path:
            break
        node = spec
        for part in path[:-1]:
            node = node[part]
        action = data.draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "remove":
            del node[path[-1]]
        elif action == "add" and isinstance(node, dict):
            node[data.draw(st.text(max_size=6))] = data.draw(values)
        else:
            node[path[-1]] = copy.deepcopy(data.draw(values))
    ends_well(parse, yaml.safe_dump(spec, allow_unicode=data.draw(st.booleans())))
