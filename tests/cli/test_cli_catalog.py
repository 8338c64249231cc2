"""`inferstack catalog`: tables for people, JSON for programs, exit 2 with a suggestion for what is unknown."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner, Result

from inferstack.cli import cli, main
from inferstack.cli.catalog import KINDS
from inferstack.cli.table import fields, table


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, ["catalog", *args], catch_exceptions=True)


def exits(monkeypatch: pytest.MonkeyPatch, *args: str) -> int | str | None:
    """The exit code of the real entry point."""
    monkeypatch.setattr("sys.argv", ["inferstack", "catalog", *args])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_lists_as_an_aligned_table_and_as_json(kind: str) -> None:
    text, data = run("list", kind), run("list", kind, "--json")
    assert text.exit_code == data.exit_code == 0, text.output
    document = json.loads(data.output)
    assert document["kind"] == kind
    lines = text.output.splitlines()
    assert set(lines[1]) <= {"-", " "}
    assert lines[-1] == f"{len(document['entries'])} {kind}"
    assert len(lines) == len(document["entries"]) + 4
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_two_runs_print_the_same(kind: str) -> None:
    assert run("list", kind, "--json").output == run("list", kind, "--json").output


def ids(*args: str) -> list[str]:
    result = run("list", *args, "--json")
    assert result.exit_code == 0, result.output
    return [entry.get("id") or entry["instance"] for entry in json.loads(result.output)["entries"]]


def test_models_narrow_by_task_licence_family_and_country() -> None:
    assert "Qwen/Qwen2.5-Coder-32B-Instruct" in ids("models", "--task", "code")
    assert set(ids("models", "--licence", "llama4")) == {
        "meta-llama/Llama-4-Scout-17B-16E-Instruct",
        "meta-llama/Llama-4-Maverick-17B-128E-Instruct",
    }
    assert all(name.startswith("mistral") for name in ids("models", "--country", "fr"))
    assert ids("models", "--family", "gpt-oss") == ["openai/gpt-oss-120b", "openai/gpt-oss-20b"]


def test_instances_narrow_by_gpu_and_region() -> None:
    assert ids("instances", "--gpu", "NVIDIA L40S", "--region", "sa-east-1") == []
    assert ids("instances", "--gpu", "h100-sxm", "--region", "us-east-1") == ["p5.4xlarge", "p5.48xlarge"]
    assert len(ids("instances", "--family", "g6e")) == 8


def test_prices_narrow_and_are_strings() -> None:
    result = run("list", "prices", "--gpu", "H100", "--region", "us-east-1", "--json")
    entries = json.loads(result.output)["entries"]
    assert {entry["instance"]: entry["price"]["on_demand"] for entry in entries} == {
        "p5.48xlarge": "55.04",
        "p5.4xlarge": "6.88",
    }


def test_a_missing_service_price_is_shown_as_such() -> None:
    result = run("list", "services", "--region", "sa-east-1")
    line = next(line for line in result.output.splitlines() if line.startswith("nat-gateway-hour"))
    assert "no price" in line


@pytest.mark.parametrize(
    ("kind", "name", "shows"),
    [
        ("model", "Qwen/Qwen3-8B", "licence: apache-2.0"),
        ("models", "meta-llama/Meta-Llama-3.1-8B-Instruct", "id: meta-llama/Llama-3.1-8B-Instruct"),
        ("licence", "llama4", "mau_cap: 700000000"),
        ("license", "mit", "name: MIT License"),
        ("gpu", "A100 80GB", "cuda_memory_gib: 79.15"),
        ("accelerator", "T4", "compute_capability: 7.5"),
        ("instance", "g7.2xlarge", "driver 595"),
        ("instance", "m7i.2xlarge", "vcpus: 8"),
        ("prices", "p5.48xlarge", "on_demand: 55.04"),
        ("region", "eu-central-1", "groups: EU, EEA, GDPR-adequate, EMEA, DE"),
        ("service", "nat-gateway-hour", "price: 0.052"),
        ("eks-version", "1.35", "end_of_standard_support: 2027-03-27"),
        ("vllm", "0.33.0", "gpu_memory_utilization: 0.92"),
    ],
)
def test_show_prints_every_field_with_its_source(kind: str, name: str, shows: str) -> None:
    result = run("show", kind, name)
    assert result.exit_code == 0, result.output
    assert shows in result.output
    assert re.search(r"source", result.output)
    assert re.search(r"20\d\d-\d\d", result.output)


def test_show_json_holds_what_the_text_holds() -> None:
    document = json.loads(run("show", "model", "openai/gpt-oss-120b", "--json").output)
    assert document["architecture"]["moe"]["num_experts"] == 128
    assert document["sources"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["show", "model", "Llama 4 8B"], "did you mean meta-llama/Llama-4-Scout"),
        (["show", "model", "Qwen3-8B"], "did you mean Qwen/Qwen3-8B"),
        (["show", "gpu", "H10"], "did you mean H100"),
        (["show", "instance", "g6e.12xl"], "did you mean g6e.12xlarge"),
        (["show", "prices", "g6e.12xl"], "did you mean g6e.12xlarge"),
        (["show", "service", "nat"], "did you mean nat-gateway"),
        (["list", "instances", "--region", "us-east1"], "did you mean us-east-1"),
        (["list", "prices", "--gpu", "H10"], "did you mean H100"),
        (["list", "models", "--licence", "apache"], "did you mean apache-2.0"),
        (["list", "modells"], "did you mean models"),
        (["list", "regions", "--task", "chat"], "--task does not narrow regions; it takes: --country"),
        (["show", "vllm", "latest"], "not a version"),
    ],
)
def test_what_is_unknown_exits_2_with_a_suggestion(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], args: list[str], says: str
) -> None:
    assert exits(monkeypatch, *args) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_help_has_examples() -> None:
    for args in ([], ["list"], ["show"]):
        result = run(*args, "--help")
        assert result.exit_code == 0
        assert "inferstack catalog" in result.output
        assert "Example" in result.output


def test_a_table_aligns_numbers_right_and_shows_gaps() -> None:
    text = table(("name", "n", "ok"), [["a", 1, True], ["bbb", None, False], ["c", 12.5, True]])
    assert text.splitlines() == [
        "name     n  ok",
        "----  ----  ---",
        "a        1  yes",
        "bbb      -  no",
        "c     12.5  yes",
    ]


def test_fields_indent_nested_values_and_break_long_lists() -> None:
    text = fields({"a": None, "b": {"c": True}, "d": [], "e": ["x" * 30, "y"], "f": [{"k": 1}], "g": {}})
    assert text.splitlines() == [
        "a: -",
        "b:",
        "  c: yes",
        "d: none",
        "e:",
        "  - " + "x" * 30,
        "  - y",
        "f: k 1",
        "g: none",
    ]


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        (("models", "--task", "chatt"), "chat, code"),
        (("models", "--country", "XX"), "US"),
        (("regions", "--country", "XX"), "DE"),
        (("instances", "--family", "g9z"), "g6e"),
        (("prices", "--family", "g9z"), "g6e"),
    ],
)
def test_a_word_that_no_entry_has_is_bad_input_not_an_empty_table(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    accepted: str,
) -> None:
    assert exits(monkeypatch, "list", *arguments, "--json") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert accepted in said.err
