"""What one file says about another: teams and models, a version and what it takes over from."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferstack.errors import InputError
from inferstack.spec.load import load_environment

ENVIRONMENT = (
    "apiVersion: inferstack/v1\nkind: Environment\nname: dev\n"
    'cloud: {account: "123456789012", region: us-west-2}\n'
)
WORKLOAD = (
    "apiVersion: inferstack/v1\nkind: Workload\nname: NAME\nmodel: Qwen/Qwen3-8B\n"
    "traffic: {requestsPerDay: 1000}\n"
)


def environment(folder: Path, gateway: str, **workloads: str) -> Path:
    (folder / "workloads").mkdir()
    (folder / "environment.yaml").write_text(ENVIRONMENT + gateway)
    for name, rest in workloads.items():
        (folder / "workloads" / f"{name}.yaml").write_text(WORKLOAD.replace("NAME", name) + rest)
    return folder


def problems(folder: Path) -> list[tuple[str, str, str | None]]:
    with pytest.raises(InputError) as caught:
        load_environment(folder)
    return [(Path(str(p.file)).stem, str(p.path), p.accepted) for p in caught.value.problems]


NEW = "rollout: {strategy: canary, replaces: chat, traffic: 5}\n"
TEAMS = "gateway:\n  host: a.example\n  database: rds\n  teams: [{name: support, models: [chat, chta]}]\n"


def test_names_that_meet_are_sound(tmp_path: Path) -> None:
    gateway = TEAMS.replace(", chta", "") + "  cache: {kind: in-cluster, embedding: embed}\n"
    loaded = load_environment(environment(tmp_path, gateway, chat="", next=NEW, embed=""))
    assert len(loaded.workloads) == 3


def test_a_team_may_call_what_exists(tmp_path: Path) -> None:
    assert problems(environment(tmp_path, TEAMS, chat="")) == [
        ("environment", "gateway.teams[0].models[1]", "chat")
    ]


def test_nothing_is_missed_among_files_that_cannot_be_read(tmp_path: Path) -> None:
    found = problems(environment(tmp_path, TEAMS, chat="\towner: me\n"))
    assert [(file, path) for file, path, _ in found] == [("chat", "None")]


@pytest.mark.parametrize(
    ("workloads", "expected"),
    [
        ({"next": NEW}, ("next", "rollout.replaces", "another workload of this environment")),
        ({"chat": "", "next": NEW, "rival": NEW}, ("next", "rollout.replaces", "one new version at a time")),
        (
            {"old": "", "chat": NEW.replace("chat", "old"), "next": NEW},
            ("next", "rollout.replaces", "old"),
        ),
        (
            {"chat": "data: {classification: restricted}\n", "next": NEW},
            ("next", "rollout.replaces", "data.classification: restricted"),
        ),
        (
            {"chat": "data: {residency: [US]}\n", "next": NEW},
            ("next", "rollout.replaces", "data.residency: [US]"),
        ),
        (
            {"chat": "", "next": NEW + "data: {residency: [US]}\n"},
            ("next", "rollout.replaces", "leave it out"),
        ),
        (
            {"chat": "data: {regulations: [HIPAA, SOC2]}\n", "next": NEW + "data: {regulations: [SOC2]}\n"},
            ("next", "rollout.replaces", "data.regulations: [HIPAA, SOC2]"),
        ),
        (
            {"chat": "", "next": "answersTo: [chat]\n"},
            ("next", "answersTo[0]", "rollout.replaces while it runs; its file removed, then answersTo"),
        ),
        (
            {"one": "answersTo: [chat]\n", "two": "answersTo: [old, chat]\n"},
            ("two", "answersTo[1]", "one of them"),
        ),
        ({"held": "answersTo: [chat]\n", "next": NEW}, ("next", "rollout.replaces", "held")),
    ],
)
def test_a_version_takes_over_from_one_that_is_there(
    tmp_path: Path, workloads: dict[str, str], expected: tuple[str, str, str]
) -> None:
    assert expected in problems(environment(tmp_path, "", **workloads))


def test_a_name_of_a_version_that_is_gone_is_a_name_like_any_other(tmp_path: Path) -> None:
    """Teams keep it in their lists, and it may be replaced further by its holder's name."""
    gateway = TEAMS.replace(", chta", ", chat-v2")
    files = {"chat-v2": "answersTo: [chat]\n", "chat-v3": NEW.replace("chat", "chat-v2")}
    assert len(load_environment(environment(tmp_path, gateway, **files)).workloads) == 2


@pytest.mark.parametrize(
    ("rest", "path"),
    [(NEW, "rollout.replaces"), ("answersTo: [gone]\n", "answersTo")],
    ids=["replaces", "names"],
)
def test_names_and_shares_need_a_gateway(tmp_path: Path, rest: str, path: str) -> None:
    found = problems(environment(tmp_path, "", chat="", next=rest))
    assert found == [("next", path, "a `gateway` in environment.yaml, or leave it out")]
