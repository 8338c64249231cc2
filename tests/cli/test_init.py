"""inferstack init: files that are sound, whole, and never overwritten unasked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from inferstack.catalog.load import load_catalog
from inferstack.cli import cli
from inferstack.cli.env import knowledge, read_environment, read_workload
from inferstack.cli.files import write_file
from inferstack.errors import InputError, OutsideError
from inferstack.spec.load import parse_environment, parse_workload
from inferstack.spec.starter import scalar, starter_environment, starter_workload

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "stacks").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments: str):
    """Result of the command; designed errors as raised."""
    result = CliRunner().invoke(cli, ["init", *arguments])
    if isinstance(result.exception, InputError | OutsideError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_an_environment_and_a_workload_in_it_are_sound(project):
    written = init("environment", "staging", "--region", "eu-central-1", "--account", "123456789012").output
    assert "wrote stacks/staging/environment.yaml" in written
    assert init("workload", "support-chat", "--model", "Qwen/Qwen3-8B", "--env", "staging").exit_code == 0
    loaded = read_environment("staging")
    assert loaded.environment.data.residency == ("EU",)
    assert loaded.environment.cloud.account == "123456789012"
    assert [workload.name for workload in loaded.workloads] == ["support-chat"]
    assert loaded.warnings == ()


def test_the_stack_file_names_the_environment_as_the_examples_do(project):
    init("environment", "dev", "--region", "us-west-2")
    ours = yaml.safe_load((project / "stacks" / "Pulumi.dev.yaml").read_text())
    assert ours == yaml.safe_load((ROOT / "stacks" / "Pulumi.dev.yaml").read_text())


def test_nothing_is_overwritten_without_force(project):
    init("environment", "dev", "--region", "us-west-2")
    before = (project / "stacks/dev/environment.yaml").read_text()
    with pytest.raises(InputError, match="is there already"):
        init("environment", "dev", "--region", "eu-central-1")
    assert (project / "stacks/dev/environment.yaml").read_text() == before
    init("environment", "dev", "--region", "eu-central-1", "--force")
    assert "eu-central-1" in (project / "stacks/dev/environment.yaml").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ("workload", "Chat", "--model", "Qwen/Qwen3-8B"),
        ("workload", "../chat", "--model", "Qwen/Qwen3-8B"),
        ("workload", "chat\nkind: x", "--model", "Qwen/Qwen3-8B"),
        ("workload", "chat", "--model", "Qwen/Qwen3-8Bee"),
        ("workload", "chat", "--model", "x}, usage: {commercial: false"),
        ("workload", "chat", "--model", "Qwen/Qwen3-8B", "--env", "nowhere"),
        ("environment", "dev", "--region", "eu-centrl-1"),
        ("environment", "dev", "--region", "us-west-2", "--account", "12"),
        ("environment", "dev", "--region", "us-west-2", "--account", '1", x: "'),
        ("environment", "../dev", "--region", "us-west-2"),
    ],
)
def test_bad_values_write_nothing(project, arguments):
    with pytest.raises(InputError):
        init(*arguments)
    assert sorted(path.name for path in project.rglob("*")) == ["Pulumi.yaml", "stacks"]


@pytest.mark.parametrize(
    "arguments", [(), ("workload",), ("workload", "x"), ("environment", "x"), ("cluster", "x")]
)
def test_missing_arguments_are_bad_input(project, arguments):
    assert init(*arguments).exit_code == 2


def test_the_folder_can_be_chosen(project):
    result = init("workload", "chat", "--model", "Qwen/Qwen3-8B", "--dir", "some/where", "--json")
    assert json.loads(result.output) == {"version": 1, "written": ["some/where/chat.yaml"]}
    assert read_workload("some/where/chat.yaml").traffic.requests_per_day == 10_000


def test_beside_an_environment_file_workloads_go_into_its_folder(project, monkeypatch):
    init("environment", "dev", "--region", "us-west-2", "--dir", "here")
    monkeypatch.chdir(project / "here")
    assert "wrote workloads/chat.yaml" in init("workload", "chat", "--model", "Qwen/Qwen3-8B").output


def test_outside_a_project_an_environment_gets_a_folder_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "wrote dev/environment.yaml" in init("environment", "dev", "--region", "us-west-2").output


@pytest.mark.parametrize("region", [region.id for region in load_catalog().regions()])
def test_a_first_environment_is_sound_in_every_region(project, region):
    init("environment", "dev", "--region", region, "--dir", ".")
    assert read_environment(".").environment.cloud.region == region


def uncommented(text: str) -> str:
    """The file with every commented `key: value` line put in force."""
    lines = []
    for line in text.splitlines():
        bare = line.replace("# ", "", 1) if line.lstrip().startswith("# ") else line
        key = bare.strip().split(":")[0]
        lines.append(bare if key.isalpha() and ":" in bare else line)
    return "\n".join(lines) + "\n"


def test_the_commented_lines_are_sound_when_put_in_force():
    text = starter_workload(name="chat", model="Qwen/Qwen3-8B", requests_per_day=5)
    text = text.replace("# model: {id", "# #model: {id")
    full = parse_workload(uncommented(text), known=knowledge())
    assert (full.owner, full.cost_centre) == ("my-team", "my-cost-centre")
    assert full.traffic.peak_to_average == 3.5
    assert full.capacity.replicas.max == 8
    assert full.rollout.strategy == "canary"
    assert full.budget is not None
    environment = starter_environment(
        name="dev", account="123456789012", region="eu-central-1", zones=3, residency="EU", version="1.35"
    )
    assert parse_environment(uncommented(environment), known=knowledge()).gateway is not None


@pytest.mark.parametrize("text", ["plain", "a/b-c_d.e", "yes: no", "#x", "1.10", "", '"', "é", "a\nb", "- x"])
def test_any_text_can_be_written_as_a_scalar(text):
    assert yaml.safe_load(f"key: {scalar(text)}") == {"key": text}


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    target = tmp_path / "deep" / "file.yaml"
    write_file(target, "first\n", overwrite=False)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutsideError, match="No space left"):
        write_file(target, "second\n", overwrite=True)
    assert target.read_text() == "first\n"
    assert [path.name for path in target.parent.iterdir()] == ["file.yaml"]


def test_a_folder_that_is_a_file_is_an_outside_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises((OutsideError, InputError)):
        write_file(tmp_path / "file" / "x.yaml", "x", overwrite=True)


@pytest.mark.parametrize("arguments", [("--help",), ("workload", "--help"), ("environment", "--help")])
def test_helps_have_examples(arguments):
    assert "inferstack init" in init(*arguments).output
    assert "Example" in init(*arguments).output
