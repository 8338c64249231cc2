"""`inferstack preview`: a first deployment, and differences, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from inferstack.cli import cli, main
from inferstack.engine.preview import from_document

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """\
import pulumi
box = pulumi.ComponentResource("test:index:Box", "box", {{"size": {size}}})
pulumi.ComponentResource("test:index:Box", "{name}", {{"key": pulumi.Output.secret("hunter2")}},
    pulumi.ResourceOptions(parent=box))
print("noise on stdout")
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "stacks/prod").mkdir(parents=True)
    (tmp_path / "Pulumi.yaml").write_text(
        "name: shop\nruntime: python\nmain: stacks\nstackConfigDir: stacks\n"
    )
    (tmp_path / "stacks/prod/environment.yaml").write_text("kind: Environment\n")
    (tmp_path / "stacks/__main__.py").write_text(PROGRAM.format(size=1, name="inner"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(cli, ["preview", *arguments])


def exit_code(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["inferstack", "preview", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code


def test_a_first_deployment_is_counted_by_component(project):
    result = run("prod")
    assert result.exit_code == 0
    assert result.output.splitlines()[0].startswith("prod: 3 resources to create")
    assert "  +   1  test:index:Box" in result.output


def test_json_is_the_shape_of_pulumi_preview_and_nothing_else(project):
    result = run("prod", "--json")
    document = json.loads(result.output)
    assert document["changeSummary"] == {"create": 3}
    assert {step["op"] for step in document["steps"]} == {"create"}
    assert [found.name for found in from_document(document)] == ["shop-prod", "box", "inner"]
    assert "hunter2" not in result.output


def test_a_difference_is_shown_against_an_earlier_preview(project):
    (project / "before.json").write_text(run("prod", "--json").output)
    (project / "stacks/__main__.py").write_text(PROGRAM.format(size=2, name="other"))
    lines = run("prod", "--against", "before.json").output.splitlines()
    assert lines[0] == "prod against before.json: 1 deleted, 1 changed, 1 added (1 unchanged)"
    assert lines[2] == "Destroyed or replaced (1)"
    assert lines[3] == "  -   box/inner  inner  test:index:Box"
    assert "        size: 1 → 2" in lines
    document = json.loads(run("prod", "--against", "before.json", "--json").output)
    assert document["changeSummary"] == {"create": 1, "delete": 1, "same": 1, "update": 1}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nowhere",), 2),
        (("prod", "--against", "nowhere"), 2),
        (("prod", "--against", "."), 2),
        (("prod", "--nonsense"), 2),
        (("prod",), 0),
    ],
)
def test_exit_codes(project, monkeypatch, capsys, arguments, code):
    if code:
        assert exit_code(monkeypatch, *arguments) == code
        assert "Traceback" not in capsys.readouterr().err
    else:
        assert run(*arguments).exit_code == 0


def test_a_failing_program_is_one_message_with_its_place(project, monkeypatch, capsys):
    (project / "stacks/__main__.py").write_text("import pulumi\n1 / 0\n")
    assert exit_code(monkeypatch, "prod") == 2
    assert capsys.readouterr().err == (
        "error: stacks/__main__.py:2: the program failed: ZeroDivisionError: division by zero\n"
    )


def test_a_program_that_asks_the_cloud_is_refused_with_exit_3(project, monkeypatch, capsys):
    (project / "stacks/__main__.py").write_text(
        "import pulumi\npulumi.runtime.invoke('aws:index:getRegion', {})\n"
    )
    assert exit_code(monkeypatch, "prod") == 3
    assert "asks the cloud (aws:index:getRegion)" in capsys.readouterr().err


def test_the_help_has_an_example():
    assert "inferstack preview prod-eu --against main" in run("--help").output
