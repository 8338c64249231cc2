"""inferstack validate: what it says, in text and JSON, and its exit code."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import pytest

from inferstack import cli as entry
from inferstack.cli.env import environment_names, environment_of, find_environment, known_model, project_root
from inferstack.errors import InputError
from inferstack.spec.vllm_arguments import argument_list

ROOT = Path(__file__).parents[2]
BROKEN = Path("tests") / "data" / "broken"


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def run(*arguments: object, monkeypatch, capsys) -> tuple[int, str, str]:
    """Through the real entry point: exit code, stdout, stderr."""
    monkeypatch.setattr("sys.argv", ["inferstack", *map(str, arguments)])
    try:
        entry.main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


@pytest.fixture
def validate(monkeypatch, capsys):
    return lambda *arguments: run("validate", *arguments, monkeypatch=monkeypatch, capsys=capsys)


def test_without_arguments_everything_under_stacks_is_checked(validate):
    code, out, err = validate()
    assert (code, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["ok", f"stacks/{name}/environment.yaml"] for name in ("dev", "prod-eu", "prod-us")
    ]
    assert "support-chat" in out


@pytest.mark.parametrize(
    ("argument", "path"),
    [
        ("dev", "stacks/dev/environment.yaml"),
        ("stacks/dev", "stacks/dev/environment.yaml"),
        ("stacks/dev/environment.yaml", "stacks/dev/environment.yaml"),
        ("stacks/dev/workloads/assistant.yaml", "stacks/dev/workloads/assistant.yaml"),
        ("stacks/dev/workloads", "stacks/dev/workloads/assistant.yaml"),
    ],
)
def test_names_files_and_folders_are_all_accepted(validate, argument, path):
    code, out, _ = validate(argument)
    assert code == 0
    assert out.startswith(f"ok  {path}  ")


def test_a_target_is_checked_once_however_often_it_is_named(validate):
    assert validate("dev", "stacks/dev", "dev")[1].count("ok  ") == 1


def test_json_lists_what_was_checked(validate):
    code, out, _ = validate("prod-eu", "--json")
    document = json.loads(out)
    assert (code, document["ok"], document["version"], document["problems"]) == (0, True, 1, [])
    (checked,) = document["checked"]
    assert checked["kind"] == "Environment"
    assert checked["workloads"] == ["support-chat", "code-assist", "search-embed"]


def test_json_lists_every_problem_and_what_is_sound_beside_it(validate):
    code, out, err = validate(BROKEN / "workload-several-at-once.yaml", "dev", "nowhere", "--json")
    document = json.loads(out)
    assert (code, err, document["ok"]) == (2, "", False)
    assert [item["name"] for item in document["checked"]] == ["dev"]
    assert len(document["problems"]) > 8
    first = document["problems"][0]
    assert (first["line"], first["path"], first["did_you_mean"]) == (4, "modle", "model")
    assert document["problems"][-1]["message"] == "no environment 'nowhere'"


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / BROKEN).glob("*.yaml")))
def test_every_broken_file_ends_in_exit_code_2(validate, name):
    if name == "environment-kind-is-workload.yaml":
        assert validate(BROKEN / name)[0] == 0  # validate goes by the kind that a file says it is
        return
    code, out, err = validate(BROKEN / name)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: tests/data/broken/{name}")


def test_text_says_each_problem_and_how_many(validate):
    code, out, err = validate(BROKEN / "workload-fallback-unknown-provider.yaml")
    assert (code, out) == (2, "")
    assert "fallback[0].provider: not one of the accepted values (got bedrok); did you mean bedrock?" in err
    assert err.splitlines()[-1] == "2 problems in 1 file"


@pytest.mark.parametrize(
    "argument", ["x" * 5000, "a\0b", "/nowhere/at/all.yaml", "tests/cli", "/dev/null", "", "docs/adr"]
)
def test_strange_arguments_are_problems(validate, argument):
    code, _, err = validate(argument)
    assert code == 2
    assert "error: " in err


def test_a_folder_of_large_or_binary_files_is_told(validate, tmp_path):
    (tmp_path / "large.yaml").write_bytes(b"#" * 10_000_000)
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    code, _, err = validate(tmp_path)
    assert code == 2
    assert "too large" in err
    assert "2 problems in 2 files" in err


def test_a_misspelt_environment_finds_the_one_that_was_meant(validate):
    assert (
        "did you mean prod-eu?" in validate("prod-ue2")[2]
        or "did you mean prod-us?" in validate("prod-ue2")[2]
    )
    assert "accepted: dev, prod-eu, prod-us" in validate("prod-eux")[2]


def test_outside_a_project_there_is_nothing_to_check_by_default(validate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = validate()
    assert code == 2
    assert "nothing to check" in err
    assert "a name under stacks/ of a project" in validate("dev")[2]


def test_a_derivative_of_a_known_model_passes_with_a_note(validate, tmp_path):
    text = (ROOT / "tests/data/examples/chat.yaml").read_text().replace("meta-llama/", "acme/support-")
    (tmp_path / "chat.yaml").write_text(text)
    code, out, _ = validate(tmp_path / "chat.yaml")
    assert code == 0
    assert "note: acme/support-Llama-3.3-70B-Instruct is not in the catalog" in out


def test_a_slip_of_the_pen_is_no_derivative():
    assert known_model("meta-llama/Llama-3.3-70B-Instruct") is None
    with pytest.raises(InputError, match=r"did you mean meta-llama/Llama-3\.3-70B-Instruct"):
        known_model("meta-llama/Llama-3.3-70B-Instrct")


def test_the_project_is_found_from_below_and_paths_stay_relative(monkeypatch):
    monkeypatch.chdir(ROOT / "stacks" / "dev")
    assert project_root() == Path("../..")
    assert find_environment("prod-eu") == Path("../../stacks/prod-eu/environment.yaml")
    assert environment_names(Path("../..")) == ("dev", "prod-eu", "prod-us")


def test_a_path_wins_over_a_name(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "stacks" / "dev", tmp_path / "dev")
    (tmp_path / "Pulumi.yaml").touch()
    shutil.copytree(ROOT / "stacks" / "dev", tmp_path / "stacks" / "dev")
    monkeypatch.chdir(tmp_path)
    assert find_environment("dev") == Path("dev/environment.yaml")


def test_the_environment_of_a_workload_file_is_the_one_it_stands_under():
    file = ROOT / "stacks/dev/workloads/assistant.yaml"
    assert environment_of(file) == Path("stacks/dev/environment.yaml")
    assert environment_of(ROOT / "tests/data/broken/workload-yaml-yes.yaml") is None


def test_the_help_has_examples(validate):
    code, out, _ = validate("--help")
    assert code == 0
    assert "inferstack validate prod-eu" in out


class TestVllm:
    """--vllm: with the deployed release it is asked (tests/unit/test_vllm_snapshot.py), without it that is said."""

    def test_without_vllm_it_says_what_to_install(self, validate, monkeypatch):
        def absent() -> str:
            raise ImportError

        monkeypatch.setattr("inferstack.spec.vllm_parser.installed_version", absent)
        code, _, err = validate("dev", "--vllm")
        assert code == 3
        assert err.startswith("error: vLLM is not installed here: pip install 'inferstack[vllm]' 'vllm==0.")

    def test_another_version_has_no_say(self, validate, monkeypatch):
        monkeypatch.setattr("inferstack.spec.vllm_parser.installed_version", lambda: "0.9.1")
        code, _, err = validate("dev", "--vllm")
        assert (code, "vLLM 0.9.1 is installed, and 0." in err) == (3, True)

    @pytest.mark.parametrize(("taken", "code"), [(True, 0), (False, 2)])
    def test_what_it_refuses_is_a_problem_of_the_file(self, taken, code, validate, monkeypatch):
        class Parser(argparse.ArgumentParser):
            def parse_args(self, args=None, namespace=None):
                return argparse.Namespace(words=args) if taken else self.error("--seed wants a number")

        seen: list[str] = []
        monkeypatch.setattr("inferstack.spec.vllm_parser.installed_version", lambda: argument_list().version)
        monkeypatch.setattr("inferstack.spec.vllm_parser.installed_parser", Parser)
        monkeypatch.setattr(
            "inferstack.spec.vllm_parser.installed_check", lambda: lambda found: seen.extend(found.words)
        )
        found, _, err = validate("dev", "--vllm")
        assert found == code
        if taken:
            assert "--served-model-name" in seen
        else:
            assert "stacks/dev/environment.yaml" in err
            assert "vLLM refuses to start: --seed wants a number" in err
