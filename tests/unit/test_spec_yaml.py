"""Reading YAML: values, lines, and what is refused."""

from __future__ import annotations

import codecs
from itertools import pairwise

import pytest
import yaml

from inferstack.errors import InputError
from inferstack.spec import yaml_lines
from inferstack.spec.scalars import resolve
from inferstack.spec.yaml_lines import MAX_BYTES, MAX_DEPTH, MAX_PROBLEMS, decode, dotted, printable, read


def refusal(text: str) -> str:
    with pytest.raises(InputError) as caught:
        read(text, file="x.yaml")
    (problem,) = caught.value.problems
    return f"{problem.line}: {problem.message}"


def complaints(text: str) -> list[tuple[int | None, str | None, str]]:
    return [(p.line, p.path, p.message) for p in read(text, file="x.yaml").problems]


@pytest.fixture(params=["libyaml", "python"])
def either_parser(request, monkeypatch):
    """libyaml where PyYAML has it, and PyYAML's own parser for machines where it does not."""
    if request.param == "libyaml":
        if not hasattr(yaml, "CSafeLoader"):
            pytest.skip("PyYAML without libyaml")
        monkeypatch.setattr(yaml_lines, "LOADER", yaml.CSafeLoader)
    else:
        monkeypatch.setattr(yaml_lines, "LOADER", yaml.SafeLoader)


def test_values_and_lines_of_keys_and_elements(either_parser):
    document = read("a: 1\nb:\n  - x\n  - {c: 2.5}\n", file="x.yaml")
    assert document.data == {"a": 1, "b": ["x", {"c": 2.5}]}
    assert document.lines[("b",)] == 2
    assert document.lines[("b", 0)] == 3
    assert document.lines[("b", 1, "c")] == 4
    assert document.line(("b", 1, "nowhere", "at", "all")) == 4
    assert document.problems == ()


def test_the_key_on_is_text_as_in_fallback_lists():
    assert read("on: [error]\n", file="x").data == {"on": ["error"]}


def test_quoted_text_stays_text_whatever_it_looks_like():
    document = read("""{a: "yes", b: '012', c: "2026-11-20", d: "~"}""", file="x")
    assert document.data == {"a": "yes", "b": "012", "c": "2026-11-20", "d": "~"}
    assert document.problems == ()


def test_block_text_is_text():
    assert read("a: |\n  yes\n", file="x").data == {"a": "yes\n"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("true", True), ("False", False), ("0", 0), ("-12", -12),
        ("+3", 3), ("1.10", 1.1), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("fp8", "fp8"), ("16k", "16k"),
        ("120,000", "120,000"), ("10.40.0.0/16", "10.40.0.0/16"), ("60ms", "60ms"), ("1.35.2", "1.35.2"),
        ("us-east-1", "us-east-1"), ("999999999999999999", 999999999999999999),
    ],
)  # fmt: skip
def test_plain_scalars_have_the_core_schema_meaning(text, value):
    assert resolve(text) == (value, None)
    assert type(resolve(text)[0]) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "yes", "No", "ON", "off", "y", "N", "012", "-007", "0x1F", "0o17", "0b11", "1_000", "1_0.5", "12:30",
        "1:30:00", "2026-11-20", "2026-1-2 10:00:00", ".inf", "-.Inf", ".NaN", "1e999", "9" * 19, "-" + "9" * 5000,
    ],
)  # fmt: skip
def test_plain_scalars_that_readers_disagree_about_are_traps_and_stay_text(text):
    value, trap = resolve(text)
    assert value == text
    assert trap is not None
    assert trap.message
    assert trap.accepted


def test_each_trap_is_reported_at_its_place():
    assert complaints("a: {b: yes}\nc: [1, 012]\n") == [
        (1, "a.b", "some YAML readers take this for a boolean, others for text"),
        (2, "c[1]", "a leading zero: some YAML readers take this for octal"),
    ]


def test_a_duplicate_key_keeps_the_first_value_and_names_both_lines(either_parser):
    document = read("a: 1\nb: 2\na: {c: 3}\n", file="x.yaml")
    assert document.data == {"a": 1, "b": 2}
    assert [(p.line, p.message) for p in document.problems] == [(3, "the key stands twice, first on line 1")]


def test_aliases_are_reported_and_never_expanded(either_parser):
    document = read("a: &x [1, 2]\nb: *x\n", file="x.yaml")
    assert document.data == {"a": [1, 2], "b": None}
    assert [(p.path, p.value) for p in document.problems] == [("a", "&x"), ("b", "*x")]


def test_thousands_of_aliases_make_a_bounded_report():
    document = read("a: &x 1\nb: [" + ", ".join(["*x"] * 5000) + "]\n", file="x.yaml")
    assert len(document.problems) == MAX_PROBLEMS


def test_tags_are_reported_and_construct_nothing(either_parser):
    document = read('a: !!python/object/apply:os.system ["true"]\nb: !mine 1\n', file="x.yaml")
    assert document.data == {"a": ["true"], "b": 1}
    assert [p.message for p in document.problems] == ["a YAML tag", "a YAML tag"]


def test_keys_that_are_not_text_are_reported():
    assert [c[2] for c in complaints("1: a\n~: b\ntrue: c\n2.5: d\n")] == ["a key that is not text"] * 4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1: the file is empty"),
        ("# only a comment\n", "1: the file is empty"),
        ("---\n...\n", "1: the file is empty"),
        ("- a\n", "1: a list at the top"),
        ("word\n", "1: a single value at the top"),
        ("a: 1\n---\nb: 2\n", "2: a second document (---) in the file"),
        ("a:\n\tb: 1\n", "2: a tab: YAML is indented with spaces"),
        ("? [a]\n: b\n", "1: a key that is not text"),
        ("{a: 1}: b\n", "1: a key that is not text"),
        ("a: &x b\n*x : c\n", "2: an alias as a key"),
        ("a: \x07\n", "1: a control character (U+0007); is this a text file?"),
        ("a: 1\nb: \x00\n", "2: a control character (U+0000); is this a text file?"),
        ("a: 1 #\u2028b: 2\n", "1: a control character (U+2028); is this a text file?"),
        ("a: \ud800\n", "1: a control character (U+D800); is this a text file?"),
    ],
)  # fmt: skip
def test_what_is_no_single_mapping_is_refused_with_its_line(either_parser, text, told):
    assert refusal(text) == told


@pytest.mark.parametrize("text", ["a: 'x\n", 'a: "x\n', "a: {b: 1\n", "a: [1\n", "a: b: c\n", "a\nb: 1\n", "a: @x\n", "%YAML 9.0\n---\na: 1\n", 'a: "\\q"\n', "a: 1\n b: 2\n", "]\n", "!<a b: c\n"])  # fmt: skip
def test_syntax_errors_are_one_problem_with_a_line(either_parser, text):
    with pytest.raises(InputError) as caught:
        read(text, file="x.yaml")
    (problem,) = caught.value.problems
    assert problem.line is not None
    assert problem.message.startswith("not valid YAML: ")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "[{a: "])
def test_deep_nesting_ends_at_the_limit(either_parser, opening):
    assert refusal("a:\n " + opening * 50_000).endswith(f"nested more than {MAX_DEPTH} levels deep")


def test_nesting_up_to_the_limit_is_read():
    inner = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert read(f"a: {inner}\n", file="x").problems == ()


def test_billion_laughs_stays_small():
    names = "abcdefghijklmnop"
    text = "a: &a [x]\n" + "".join(
        f"{after}: &{after} [{', '.join([f'*{name}'] * 10)}]\n" for name, after in pairwise(names)
    )
    document = read(text, file="x.yaml")
    assert document.data["p"] == [None] * 10


def test_decoding_drops_a_byte_order_mark():
    assert decode(codecs.BOM_UTF8 + b"a: 1", file="x") == "a: 1"


@pytest.mark.parametrize(
    ("raw", "line", "said"),
    [
        (b"a: 1\nb: \xff\n", 2, "not UTF-8 text (byte 0xff)"),
        ("a: 1".encode("utf-16"), 1, "UTF-16 text"),
        (b"x" * (MAX_BYTES + 1), None, "the file is too large"),
    ],
)
def test_decoding_refuses_what_is_no_reasonable_text(raw, line, said):
    with pytest.raises(InputError) as caught:
        decode(raw, file="x")
    (problem,) = caught.value.problems
    assert (problem.line, problem.message) == (line, said)


def test_paths_read_as_people_write_them():
    assert dotted(("fallback", 0, "on")) == "fallback[0].on"
    assert dotted(()) is None


def test_nothing_that_a_terminal_acts_on_is_printed():
    assert printable("\x1b[31mred\u202e") == "\\x1b[31mred\\u202e"
    assert printable("x" * 100) == "x" * 59 + "…"
    assert dotted(("\x1b[2J",)) == "\\x1b[2J"
