"""The pack: files, ids, list, tests and documentation stay in step; packs load from any folder."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from policy_graphs import RULES

from inferstack.errors import InputError
from inferstack.policy.pack import load_pack
from inferstack.policy.reference import reference
from inferstack.policy.types import FAMILIES, ResourceRule, Rule

ROOT = Path(__file__).parents[2]
PACK = ROOT / "policies"
FILES = sorted(path for path in (PACK / "rules").glob("*.py") if path.stem != "__init__")


def text_id(path: Path) -> str:
    return path.read_text().split('"""')[1].partition(":")[0]


def test_every_file_is_one_rule_of_the_list_and_no_rule_is_without_a_file() -> None:
    in_files = {re.search(r'^    id="(.+)",$', path.read_text(), re.M)[1] for path in FILES}  # type: ignore[index]
    assert in_files == {rule.id for rule in RULES}
    assert len(FILES) == len(RULES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_rules_docstring_names_its_id(path: Path) -> None:
    assert f'id="{text_id(path)}"' in path.read_text()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_rule_has_a_test_file_of_its_name(path: Path) -> None:
    test = Path(__file__).parent / f"test_{path.stem}.py"
    assert test.is_file()
    assert text_id(path) in test.read_text()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_rules_do_not_touch_the_pulumi_runtime(path: Path) -> None:
    assert not re.search(r"^\s*(import|from) pulumi", path.read_text(), re.M)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_what_people_need(rule: Rule) -> None:
    assert re.fullmatch(r"INF-(?:" + "|".join(FAMILIES) + r")-\d{3}", rule.id)
    assert rule.url.startswith("https://")
    assert rule.tags
    for text in (rule.rationale, rule.remediation):
        assert text.endswith(".")
        assert text[0].isupper() or text.startswith("vLLM")
    assert not rule.title.endswith(".")
    if isinstance(rule, ResourceRule):
        assert rule.types


def test_ids_are_ordered_and_unique_within_their_family() -> None:
    for family in FAMILIES:
        numbers = [int(rule.id[-3:]) for rule in RULES if rule.id.split("-")[1] == family]
        assert numbers == list(range(1, len(numbers) + 1)), family


def test_the_manifest_points_to_the_projects_own_environment() -> None:
    manifest = yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text())
    assert manifest["runtime"] == {
        "name": "python",
        "options": {"toolchain": "pip", "virtualenv": "../.venv"},
    }


def test_the_pack_loads_from_its_folder() -> None:
    pack = load_pack(PACK)
    assert [rule.id for rule in pack.rules] == [rule.id for rule in RULES]
    assert pack.version == yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text())["version"]


def test_a_copy_elsewhere_is_a_pack_of_its_own(tmp_path: Path) -> None:
    copy = tmp_path / "ours"
    shutil.copytree(PACK, copy, ignore=shutil.ignore_patterns("__pycache__"))
    listing = copy / "rules" / "__init__.py"
    listing.write_text(re.sub(r"^    licence_known\.RULE,\n", "", listing.read_text(), flags=re.M))
    assert len(load_pack(copy).rules) == len(load_pack(PACK).rules) - 1


def pack_with(tmp_path: Path, rules: str) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "PulumiPolicy.yaml").write_text("version: 1.0.0\n")
    (tmp_path / "rules" / "__init__.py").write_text(rules)
    return tmp_path


ONE = (
    "from inferstack.policy.types import EnvironmentRule, Severity\n"
    "def rule(id):\n"
    "    return EnvironmentRule(id=id, title='t', severity=Severity.LOW, rationale='r', remediation='m', "
    "url='https://x', check=lambda context: ())\n"
)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("RULES = ()", "empty or missing"),
        ("RULES = (1,)", "no rule"),
        (ONE + "RULES = (rule('INF-SEC-001'), rule('INF-SEC-001'))", "same id"),
        (ONE + "RULES = (rule('INF-ABC-001'),)", "family is unknown"),
        ("import nothing_of_this_name", "cannot be loaded"),
        ("def (", "cannot be loaded"),
    ],
)
def test_a_broken_pack_is_refused(tmp_path: Path, rules: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_pack(pack_with(tmp_path, rules))


def test_a_folder_that_is_no_pack_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a policy pack.*PulumiPolicy\.yaml"):
        load_pack(tmp_path)


def test_an_unknown_rule_id_is_refused() -> None:
    with pytest.raises(InputError, match="no such rule"):
        load_pack(PACK).choose(("INF-XXX-001",))


def test_rule_ids_are_chosen_whatever_their_case() -> None:
    assert [rule.id for rule in load_pack(PACK).choose(("inf-sec-001",))] == ["INF-SEC-001"]


def test_rules_import_without_pulumi_being_loaded() -> None:
    code = "import sys; import policies.rules; print([n for n in sys.modules if n.split('.')[0].startswith('pulumi')])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"


def test_the_page_of_rules_is_up_to_date(request: pytest.FixtureRequest) -> None:
    page = ROOT / "docs" / "policies.md"
    if request.config.getoption("--update-golden", default=False):
        page.write_text(reference(RULES), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == reference(RULES), "run `make golden` and review the diff"


def test_the_page_names_every_rule_once() -> None:
    page = reference(RULES)
    assert all(page.count(f"### {rule.id}\n") == 1 and rule.rationale in page for rule in RULES)
