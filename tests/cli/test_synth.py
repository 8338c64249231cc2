"""`inferstack synth`: the promised files, the same bytes each time, a verdict in the exit code."""

from __future__ import annotations

import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from inferstack.cli import cli, main
from inferstack.engine.preview import read_preview
from inferstack.engine.program import run_program
from inferstack.engine.project import resolve

ROOT = Path(__file__).resolve().parents[2]
PROMISED = {
    "plan.json",
    "preview.json",
    "cost.json",
    "policy.json",
    "policy.sarif",
    "report.html",
    "manifests",
}
BLOCKED = "tests/blocked/qwen-provenance-ban"


def synth(env, out, *arguments):
    return CliRunner().invoke(cli, ["synth", str(env), "--out", str(out), *arguments])


@pytest.fixture(scope="session")
def dev(tmp_path_factory):
    """The dev environment, synthesised once: the folder and what was printed."""
    out = tmp_path_factory.mktemp("synth") / "dev"
    result = synth(ROOT / "stacks/dev", out)
    assert result.exit_code == 0, result.output
    return out, result.output


@pytest.fixture(scope="session")
def blocked(tmp_path_factory):
    out = tmp_path_factory.mktemp("synth") / "blocked"
    return out, synth(ROOT / BLOCKED, out, "--json")


def test_the_promised_files_are_written(dev):
    out, _ = dev
    assert {found.name for found in out.iterdir()} >= PROMISED


def test_what_is_printed_says_cost_verdict_and_where_the_report_is(dev):
    out, printed = dev
    assert re.search(r"^dev \(us-west-2\): \$[\d,.]+ a month", printed, re.M)
    assert re.search(r"^dev: passes", printed, re.M)
    assert f"report: {out / 'report.html'}" in printed


def test_another_process_writes_the_same_bytes(dev, tmp_path):
    out, _ = dev
    again = tmp_path / "again"
    subprocess.run(
        [
            sys.executable,
            "-c",
            "from inferstack.cli import main; main()",
            "synth",
            "dev",
            "--out",
            str(again),
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "7"},
        check=True,
        capture_output=True,
    )
    files = sorted(found.relative_to(out) for found in out.rglob("*") if found.is_file())
    assert files == sorted(found.relative_to(again) for found in again.rglob("*") if found.is_file())
    same, different, failed = filecmp.cmpfiles(out, again, [str(file) for file in files], shallow=False)
    assert (different, failed, len(same)) == ([], [], len(files))


def test_nothing_written_depends_on_this_machine(dev):
    out, _ = dev
    for file in (found for found in out.rglob("*") if found.is_file()):
        text = file.read_text()
        assert str(ROOT) not in text, file.name
        assert str(Path.home()) not in text, file.name


def test_the_preview_is_the_programs_graph(dev):
    out, _ = dev
    graph = run_program(resolve(ROOT / "stacks/dev/environment.yaml"))
    assert [found.urn for found in read_preview(out / "preview.json")] == [found.urn for found in graph]


def test_plan_and_policy_are_what_the_commands_print(dev):
    out, _ = dev
    for command, file in (("plan", "plan.json"), ("policy", "policy.json"), ("cost", "cost.json")):
        printed = CliRunner().invoke(cli, [command, str(ROOT / "stacks/dev"), "--json"]).output
        assert json.loads((out / file).read_text()) == json.loads(printed)


def test_every_json_file_is_strict_json(dev):
    out, _ = dev
    for file in (*out.glob("*.json"), out / "policy.sarif"):
        json.loads(file.read_text(), parse_constant=pytest.fail)


def test_every_manifest_is_yaml_of_one_kind(dev):
    out, _ = dev
    manifests = sorted((out / "manifests").iterdir())
    assert manifests
    for file in manifests:
        documents = list(yaml.safe_load_all(file.read_text()))
        if "helm-releases" not in file.name:
            assert [sorted({"apiVersion", "kind", "metadata"} & set(one)) for one in documents] == [
                ["apiVersion", "kind", "metadata"]
            ]


class Page(HTMLParser):
    """Tags in balance, and what the page would fetch."""

    void = frozenset({"meta", "br", "link", "img", "input"})

    def __init__(self):
        super().__init__()
        self.open, self.fetched, self.headings = [], [], 0

    def handle_starttag(self, tag, attrs):
        if tag not in self.void:
            self.open.append(tag)
        self.headings += tag == "h2"
        self.fetched += [value for key, value in attrs if key in {"src", "href", "srcset", "action"}]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_report_is_one_self_contained_page(dev):
    text = (dev[0] / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert (page.open, page.fetched, page.headings) == ([], [], 5)
    assert not re.search(r"url\(|@import|<script", text)
    assert "prefers-color-scheme: dark" in text


def test_the_reports_show_model_machine_total_and_verdict(dev):
    out, _ = dev
    plan, cost = json.loads((out / "plan.json").read_text()), json.loads((out / "cost.json").read_text())
    for file in ("report.html", "report.md"):
        text = (out / file).read_text()
        assert plan["workloads"][0]["model_id"] in text
        assert plan["workloads"][0]["chosen"]["instance_type"] in text
        assert f"${float(cost['total_monthly']):,.2f}" in text
        assert "ready" in text


def test_a_blocked_environment_exits_1_with_its_files_and_reasons_written(blocked):
    out, result = blocked
    assert result.exit_code == 1
    summary = json.loads(result.output)
    assert summary["blocked"] is True
    assert summary["reasons"]
    assert {found.name for found in out.iterdir()} >= PROMISED
    assert json.loads((out / "policy.json").read_text())["blocked"] is True
    for file in ("report.html", "report.md"):
        assert "blocked" in (out / file).read_text()


def test_the_summary_lists_the_files_that_are_there(blocked):
    out, result = blocked
    listed = json.loads(result.output)["files"]
    assert listed == sorted(found.relative_to(out).as_posix() for found in out.rglob("*") if found.is_file())


def test_sarif_points_at_the_environment_file(blocked):
    results = json.loads((blocked[0] / "policy.sarif").read_text())["runs"][0]["results"]
    places = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results}
    assert places == {f"{BLOCKED}/environment.yaml"}


def exits(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["inferstack", "synth", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code


@pytest.mark.parametrize(
    "arguments",
    [
        ("nowhere", "--out", "x"),
        (str(ROOT / "stacks/dev"),),
        (str(ROOT / "stacks/dev"), "--out", ""),
        (str(ROOT / "stacks/dev"), "--out", "x", "--as-of", "soon"),
    ],
)
def test_bad_input_exits_2_and_writes_nothing(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert exits(monkeypatch, *arguments) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_somebody_else_is_left_alone(tmp_path, monkeypatch, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert exits(monkeypatch, str(ROOT / "stacks/dev"), "--out", str(tmp_path)) == 2
    assert "notes.txt" in capsys.readouterr().err
    assert [found.name for found in tmp_path.iterdir()] == ["notes.txt"]


def test_the_specs_are_not_replaced_by_what_is_made_of_them(tmp_path, monkeypatch, capsys):
    specs = tmp_path / "stacks/dev"
    shutil.copytree(ROOT / "stacks/dev", specs)
    assert exits(monkeypatch, str(specs), "--out", str(specs), "--force") == 2
    assert "holds your files" in capsys.readouterr().err
    assert (specs / "environment.yaml").is_file()
