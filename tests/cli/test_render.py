"""`inferstack render`: files on standard output or in a folder; one clear error where it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from inferstack.cli import cli
from inferstack.errors import InputError

STACKS = Path(__file__).parents[2] / "stacks"
ASSISTANT = str(STACKS / "dev/workloads/assistant.yaml")
REASONING = str(STACKS / "prod-us/workloads/reasoning.yaml")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["render", *arguments])


def test_compose_is_one_document_on_standard_output() -> None:
    result = run(ASSISTANT, "--target", "compose")
    assert result.exit_code == 0
    assert yaml.safe_load(result.output)["services"]["vllm"]["command"][0] == "Qwen/Qwen3-8B"


def test_several_files_stand_under_their_names() -> None:
    result = run(ASSISTANT, "--target", "kind")
    assert [line for line in result.output.splitlines() if line.startswith("# ----")] == [
        "# ---- kind-cluster.yaml", "# ---- manifests.yaml"
    ]  # fmt: skip


def test_a_folder_is_written_and_never_over_something(tmp_path: Path) -> None:
    arguments = (ASSISTANT, "--target", "kind", "--out", str(tmp_path))
    assert run(*arguments).exit_code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["kind-cluster.yaml", "manifests.yaml"]
    again = run(*arguments)
    assert isinstance(again.exception, InputError)
    assert "is there already" in str(again.exception)
    assert run(*arguments, "--force").exit_code == 0


def test_json_holds_the_texts_and_what_differs() -> None:
    document = json.loads(run(REASONING, "--target", "ollama", "--model", "Qwen/Qwen3-0.6B", "--json").output)
    assert document["version"] == 1
    assert document["stands_in_for"] == "deepseek-ai/DeepSeek-V3-0324"
    assert "FROM qwen3:0.6b" in document["files"]["Modelfile"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((REASONING, "--target", "ollama"), "Ollama's library holds no"),
        ((ASSISTANT, "--target", "kind", "--gpus", "1"), "no GPU"),
        ((ASSISTANT, "--target", "compose", "--model", "nobody/knows-this"), "nobody/knows-this"),
        (("missing.yaml", "--target", "compose"), "missing.yaml"),
    ],
)
def test_what_cannot_be_rendered_is_bad_input(arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)


def test_a_target_is_asked_for() -> None:
    result = run(ASSISTANT)
    assert result.exit_code == 2
    assert "--target" in result.output
