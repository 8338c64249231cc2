"""Files and folders: every error at once, in order; what is named but absent; paths joined."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.errors import InputError
from inferstack.spec.check import MAX_FINDINGS
from inferstack.spec.checks import Knowledge
from inferstack.spec.load import kind_of, load_environment, load_workload, parse_environment, parse_workload

ROOT = Path(__file__).parents[2]
EXAMPLES = Path(__file__).parents[1] / "data" / "examples"
WORKLOAD = "apiVersion: inferstack/v1\nkind: Workload\nname: {name}\nmodel: Qwen/Qwen3-8B\ntraffic: {{requestsPerDay: 1000}}\n"
ENVIRONMENT = (
    "apiVersion: inferstack/v1\nkind: Environment\nname: dev\n"
    'cloud: {account: "123456789012", region: us-west-2}\ndata: {residency: [US]}\n'
)
KNOWN = Knowledge(catalog=load_catalog(), today=dt.date(2026, 11, 20))


def problems(call, *arguments, **options) -> list[tuple[str | None, int | None, str | None]]:
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return [(Path(p.file).name if p.file else None, p.line, p.path) for p in caught.value.problems]


def told(call, *arguments, **options) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return str(caught.value)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "workloads").mkdir()
    (tmp_path / "environment.yaml").write_text(ENVIRONMENT)
    (tmp_path / "workloads" / "b.yaml").write_text(WORKLOAD.format(name="second"))
    (tmp_path / "workloads" / "a.yml").write_text(WORKLOAD.format(name="first"))
    (tmp_path / "workloads" / ".hidden.yaml").write_text("not read")
    (tmp_path / "workloads" / "notes.txt").write_text("not read")
    return tmp_path


def test_an_environment_comes_with_its_workloads_by_file_name(folder):
    loaded = load_environment(folder, known=KNOWN)
    assert [workload.name for workload in loaded.workloads] == ["first", "second"]
    assert loaded.directory == folder
    assert loaded.warnings == ()
    assert load_environment(folder / "environment.yaml") == loaded


@pytest.mark.parametrize("environment", ["dev", "prod-eu", "prod-us"])
def test_the_example_environments_are_sound(environment):
    loaded = load_environment(ROOT / "stacks" / environment, known=KNOWN)
    assert loaded.environment.name == environment
    assert loaded.workloads


@pytest.mark.parametrize("case", sorted(path.name for path in (ROOT / "tests" / "blocked").iterdir()))
def test_blocked_cases_are_sound_specs_for_the_policy_to_judge(case):
    assert load_environment(ROOT / "tests" / "blocked" / case, known=KNOWN).workloads


@pytest.mark.parametrize("name", ["chat.yaml", "chat-full.yaml"])
def test_the_reference_workloads_are_sound(name):
    assert load_workload(EXAMPLES / name, known=KNOWN).name == "support-chat"


def test_a_folder_or_waiver_file_that_is_not_there_yet_is_said_and_not_an_error():
    loaded = load_environment(EXAMPLES / "environment.yaml", known=KNOWN)
    assert loaded.workloads == ()
    assert loaded.warnings == (
        "workloads: there is no folder workloads, so nothing is served",
        "policy.waivers: there is no waivers.yaml, so nothing is waived",
    )


def test_an_empty_workload_folder_is_said(folder):
    for file in (folder / "workloads").glob("*.y*ml"):
        file.unlink()
    assert "no .yaml file" in load_environment(folder).warnings[0]


def test_problems_of_all_files_come_together_in_file_order(folder):
    (folder / "environment.yaml").write_text(ENVIRONMENT + "network: {nat: twice}\nowner: me\n")
    (folder / "workloads" / "a.yml").write_text("- a list\n")
    (folder / "workloads" / "b.yaml").write_text(WORKLOAD.format(name="B") + "slo: {ttftP95: 1}\n")
    assert problems(load_environment, folder) == [
        ("environment.yaml", 6, "network.nat"),
        ("environment.yaml", 7, "owner"),
        ("a.yml", 1, None),
        ("b.yaml", 3, "name"),
        ("b.yaml", 6, "slo.ttftP95"),
    ]


def test_two_workloads_of_one_name_are_a_problem_of_the_second(folder):
    (folder / "workloads" / "b.yaml").write_text(WORKLOAD.format(name="first"))
    assert problems(load_environment, folder) == [("b.yaml", 3, "name")]
    assert "taken by a.yml" in told(load_environment, folder)


def test_a_workload_that_may_not_be_where_its_environment_is(folder):
    (folder / "workloads" / "a.yml").write_text(WORKLOAD.format(name="first") + "data: {residency: [EU]}\n")
    assert problems(load_environment, folder, known=KNOWN) == [("a.yml", 6, "data.residency")]
    assert "in us-west-2, outside [EU]" in told(load_environment, folder, known=KNOWN)


def test_zones_of_a_workload_belong_to_the_region(folder):
    (folder / "workloads" / "a.yml").write_text(
        WORKLOAD.format(name="first") + "capacity: {zones: [usw2-az1, euc1-az1]}\n"
    )
    assert problems(load_environment, folder, known=KNOWN) == [("a.yml", 6, "capacity.zones[1]")]


def test_a_wrong_region_is_one_problem_and_not_one_per_workload(folder):
    (folder / "environment.yaml").write_text(ENVIRONMENT.replace("us-west-2", "us-wset-2"))
    assert problems(load_environment, folder, known=KNOWN) == [("environment.yaml", 4, "cloud.region")]


def test_what_rests_on_a_missing_value_is_not_reported():
    text = ENVIRONMENT.replace('account: "123456789012", region: us-west-2', 'account: "123456789012"')
    assert problems(parse_environment, text, known=KNOWN) == [("environment.yaml", 4, "cloud.region")]


def test_errors_that_others_hide_are_found_all_the_same():
    text = (
        WORKLOAD.format(name="X")
        + "slo: {ttftP95: 2s, e2eP95: 1s, itlP95: no unit}\ncapacity: {replicas: {min: 3, max: 2, mid: 1}}\n"
    )
    assert problems(parse_workload, text) == [
        ("workload.yaml", 3, "name"),
        ("workload.yaml", 6, "slo.itlP95"),
        ("workload.yaml", 6, "slo.e2eP95"),
        ("workload.yaml", 7, "capacity.replicas.mid"),
        ("workload.yaml", 7, "capacity.replicas.min"),
    ]


def test_a_file_of_another_kind_is_one_problem():
    assert problems(parse_workload, ENVIRONMENT) == [("workload.yaml", 2, "kind")]
    assert problems(parse_environment, WORKLOAD.format(name="x")) == [("environment.yaml", 2, "kind")]


def test_thousands_of_errors_make_a_bounded_report():
    text = WORKLOAD.format(name="chat") + "".join(f"key{i}: 1\n" for i in range(2_000))
    assert len(problems(parse_workload, text)) == MAX_FINDINGS + 1
    assert "1,800 more problems" in told(parse_workload, text)


def test_thousands_of_unknown_names_make_a_bounded_report():
    names = ", ".join(f"x{i}.large" for i in range(2_000))
    text = WORKLOAD.format(name="chat") + f"capacity: {{denyInstanceTypes: [{names}]}}\n"
    with pytest.raises(InputError) as caught:
        parse_workload(text, known=KNOWN)
    assert len(caught.value.problems) <= MAX_FINDINGS


@pytest.mark.parametrize("load", [load_workload, load_environment, kind_of])
def test_files_that_cannot_be_read_are_problems(load, tmp_path):
    assert "cannot be read: No such file" in told(load, tmp_path / "nowhere.yaml")
    assert "cannot be read: File name too long" in told(load, tmp_path / ("x" * 5000))
    assert "cannot be read" in told(load, "nul\0byte")
    (tmp_path / "large.yaml").write_bytes(b"# " + b"x" * 10_000_000)
    assert "too large" in told(load, tmp_path / "large.yaml")
    (tmp_path / "binary.yaml").write_bytes(os.urandom(64) + b"\x00\xff")
    assert "text" in told(load, tmp_path / "binary.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "not a regular file" in told(load, tmp_path / "pipe.yaml")


def test_a_folder_is_no_workload_and_no_environment_without_its_file(tmp_path):
    assert "a folder" in told(load_workload, tmp_path)
    assert "cannot be read: No such file" in told(load_environment, tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_a_problem(tmp_path):
    (tmp_path / "secret.yaml").touch(mode=0o000)
    assert "Permission denied" in told(load_workload, tmp_path / "secret.yaml")


def test_a_workload_folder_that_is_a_file_is_a_problem(folder):
    (folder / "environment.yaml").write_text(ENVIRONMENT + "workloads: environment.yaml\n")
    assert problems(load_environment, folder) == [("environment.yaml", 6, "workloads")]


def test_a_byte_order_mark_does_no_harm(tmp_path):
    (tmp_path / "a.yaml").write_text(WORKLOAD.format(name="chat"), encoding="utf-8-sig")
    assert load_workload(tmp_path / "a.yaml").name == "chat"


def test_paths_of_a_workload_are_joined_to_its_folder(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    text = WORKLOAD.format(name="chat").replace("model: Qwen/Qwen3-8B", "model: {hfConfig: config.json}")
    (tmp_path / "a.yaml").write_text(text + "evaluation: {suite: evals/a.yaml}\n")
    loaded = load_workload(tmp_path / "a.yaml", known=KNOWN)
    assert loaded.model.hf_config == str(tmp_path / "config.json")
    assert loaded.evaluation is not None
    assert loaded.evaluation.suite == str(tmp_path / "evals" / "a.yaml")


def test_a_trace_is_read_with_its_workload(tmp_path):
    rows = "".join(f"{second},100,{second % 7}\n" for second in range(0, 1200, 10))
    (tmp_path / "week.csv").write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n" + rows)
    text = WORKLOAD.format(name="chat").replace("1000}", "1000, trace: week.csv}")
    (tmp_path / "a.yaml").write_text(text)
    observed = load_workload(tmp_path / "a.yaml").traffic.observed
    assert observed is not None
    assert (observed.requests, observed.peak_to_average, observed.input_mean) == (120, 1.0, 100)
    (tmp_path / "week.csv").write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n1,2,x\n")
    assert problems(load_workload, tmp_path / "a.yaml") == [("a.yaml", 5, "traffic.trace")]
    assert "line 2 of the trace" in told(load_workload, tmp_path / "a.yaml")


def test_kinds_are_told_apart():
    assert kind_of(EXAMPLES / "chat.yaml") == "workload"
    assert kind_of(EXAMPLES / "environment.yaml") == "environment"
    assert kind_of(ROOT / "Pulumi.yaml") == ""


def test_a_key_of_another_section_is_sent_there_rather_than_to_a_word_like_it():
    said = told(parse_workload, WORKLOAD.format(name="chat") + "adapters: []\n")
    assert "adapters: unknown key; did you mean model.adapters?" in said
