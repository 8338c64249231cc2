"""`inferstack policy`: verdicts, exit codes, formats, packs, waivers."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from inferstack.cli import cli
from inferstack.engine import preview
from inferstack.errors import InputError
from policies.rules import RULES
from tests.example_graphs import BLOCKED, ROOT, graph
from tests.unit.cost_graphs import TODAY

DAY = ("--as-of", TODAY.isoformat())


def run(*arguments):
    return CliRunner().invoke(cli, ["policy", *arguments])


@pytest.fixture(scope="session")
def previews(tmp_path_factory):
    folder = tmp_path_factory.mktemp("previews")
    for name in ("prod-eu", *BLOCKED):
        (folder / f"{name}.json").write_text(
            preview.dumps(preview.to_document(graph(name))), encoding="utf-8"
        )
    return folder


def on(previews, name, *arguments):
    return run("--preview", str(previews / f"{name}.json"), *DAY, *arguments)


def test_an_environment_passes():
    result = run(str(ROOT / "stacks/dev"), *DAY)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("dev: passes; ")


@pytest.mark.parametrize("name", BLOCKED)
def test_a_blocked_case_leaves_with_one(previews, name):
    result = on(previews, name, "--quiet")
    assert result.exit_code == 1
    assert result.output.startswith(f"{name}: blocked by ")


def test_the_exit_code_reaches_the_shell(previews):
    command = (sys.executable, "-c", "from inferstack.cli import main; main()", "policy", "--preview")
    blocked = previews / "qwen-provenance-ban.json"
    assert (
        subprocess.run((*command, str(blocked), "--quiet"), capture_output=True, check=False).returncode == 1
    )


def test_the_json_has_the_verdict_the_findings_and_every_rule(previews):
    found = json.loads(on(previews, "llama-over-700m-users", "--json").output)
    assert found["blocked"] is True
    assert found["version"] == 1
    assert [rule["rule"] for rule in found["rules"]] == [rule.id for rule in RULES]
    first = found["findings"][0]
    assert (first["rule"], first["status"], first["outcome"]) == ("INF-LIC-003", "blocked", "fail")
    assert first["workload"] == "chat"


def test_sarif_goes_to_a_file_or_to_stdout(previews, tmp_path):
    path = tmp_path / "out" / "policy.sarif"
    assert on(previews, "qwen-provenance-ban", "--sarif", str(path)).exit_code == 1
    printed = on(previews, "qwen-provenance-ban", "--sarif", "-")
    assert json.loads(path.read_text()) == json.loads(printed.output)
    assert json.loads(printed.output)["version"] == "2.1.0"


def test_sarif_of_an_environment_points_to_its_file():
    printed = run(str(ROOT / "stacks/dev"), "--sarif", "-", *DAY)
    assert "stacks/dev/environment.yaml" in printed.output
    assert str(ROOT) not in printed.output


def test_one_rule_can_be_asked_for(previews):
    found = json.loads(on(previews, "qwen-provenance-ban", "--rule", "inf-lic-001", "--json").output)
    assert [rule["rule"] for rule in found["rules"]] == ["INF-LIC-001"]
    assert found["blocked"] is False


def test_waivers_of_a_file_count(previews, tmp_path):
    path = tmp_path / "waivers.yaml"
    waiver = "{rule: INF-PRO-001, scope: chat, owner: o, reason: r, expires: 2027-01-01}"
    path.write_text(f"kind: Waivers\nwaivers: [{waiver}]\n")
    result = on(previews, "qwen-provenance-ban", "--waivers", str(path))
    assert result.exit_code == 0
    assert "waived by o until 2027-01-01: r" in result.output


def test_the_rules_are_listed():
    result = run("rules")
    assert result.exit_code == 0
    assert set(re.findall(r"INF-[A-Z]+-\d+", result.output)) == {rule.id for rule in RULES}
    assert [rule["id"] for rule in json.loads(run("rules", "--json").output)] == [rule.id for rule in RULES]


def test_another_pack_is_used(previews, tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "PulumiPolicy.yaml").write_text("version: 2.0.0\n")
    (tmp_path / "rules" / "__init__.py").write_text(
        "from inferstack.policy.types import EnvironmentRule, Severity, fail\n"
        "def check(context):\n"
        "    yield fail('never on a Friday')\n"
        "RULES = (EnvironmentRule(id='INF-GOV-900', title='Not today', severity=Severity.HIGH,\n"
        "    rationale='r', remediation='wait', url='https://example.com', check=check),)\n"
    )
    result = on(previews, "prod-eu", "--pack", str(tmp_path))
    assert result.exit_code == 1
    assert "INF-GOV-900  Not today" in result.output
    assert "never on a Friday" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to judge"),
        (("dev", "--preview", "x.json"), "nothing to judge, or two things"),
        (("nowhere",), "no environment"),
        (("dev", "--rule", "INF-XXX-001"), "no such rule"),
        (("dev", "--pack", "nowhere"), "not a policy pack"),
        (("dev", "--waivers", "nowhere.yaml"), "no such waivers file"),
    ],
)
def test_bad_input_is_a_designed_error(arguments, message):
    result = run(*arguments)
    assert isinstance(result.exception, InputError), result.output
    assert message in str(result.exception)


@pytest.mark.parametrize("document", ["{}", '{"kind": "EnvironmentPlan"}', '{"steps": []}'])
def test_nothing_to_judge_is_no_pass(tmp_path, document):
    path = tmp_path / "plan.json"
    path.write_text(document)
    result = run("--preview", str(path))
    assert isinstance(result.exception, InputError), result.output


def test_two_documents_do_not_share_stdout(previews):
    result = on(previews, "prod-eu", "--json", "--sarif", "-")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "both want stdout" in result.stderr
