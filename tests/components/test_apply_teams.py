"""The program of the teams job, against a management API in memory that answers as LiteLLM's does."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import urllib.error
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from inferstack.render import templates_dir

TEAMS = [
    {"name": "support", "models": ["chat", "chat-fallback-1"], "max_budget_usd": 500.0, "rpm": 600},
    {"name": "search-team", "models": ["embed"], "tpm": 100000},
]


@pytest.fixture
def program(tmp_path: Path) -> ModuleType:
    source = templates_dir() / "gateway" / "apply_teams.py"
    spec = importlib.util.spec_from_file_location("apply_teams", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Api:
    """Teams and keys by id; what was asked of it, in order."""

    def __init__(self) -> None:
        self.teams: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, dict[str, Any]] = {}
        """By hash, as the database has them."""
        self.asked: list[str] = []

    def owners(self) -> dict[str, str]:
        return {token: item["team_id"] for token, item in self.keys.items()}

    def call(self, path: str, body: Any = None) -> Any:
        self.asked.append(path)
        if path == "/team/list":
            return [
                {**team, "keys": [item for item in self.keys.values() if item["team_id"] == team["team_id"]]}
                for team in self.teams.values()
            ]
        if path == "/team/new":
            assert body["team_id"] not in self.teams
            self.teams[body["team_id"]] = body
        if path == "/team/update":
            self.teams[body["team_id"]] |= body
        if path == "/team/block":
            self.teams[body["team_id"]]["blocked"] = True
        if path == "/key/generate":  # one that exists moves
            token = digest(body["key"])
            taken = {item["key_alias"] for item in self.keys.values() if item["token"] != token}
            assert body["key_alias"] not in taken
            self.keys[token] = {**body, "key": None, "token": token}
        if path == "/key/delete":
            for token in body["keys"]:
                del self.keys[token]
        return {}


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def test_teams_get_their_budget_limits_and_models(program: ModuleType) -> None:
    api = Api()
    program.apply(api, TEAMS)
    support, search = api.teams["inferstack-support"], api.teams["inferstack-search-team"]
    assert (support["max_budget"], support["budget_duration"], support["rpm_limit"]) == (500.0, "1mo", 600)
    assert support["models"] == ["chat", "chat-fallback-1"]
    assert (search["max_budget"], search["budget_duration"], search["tpm_limit"]) == (None, None, 100000)


def test_again_it_changes_nothing(program: ModuleType) -> None:
    api = Api()
    program.apply(api, TEAMS)
    before = json.dumps(api.teams, sort_keys=True)
    program.apply(api, TEAMS)
    assert json.dumps(api.teams, sort_keys=True) == before
    assert api.asked.count("/team/new") == 2


def test_a_limit_that_is_no_longer_declared_is_lifted(program: ModuleType) -> None:
    api = Api()
    program.apply(api, TEAMS)
    program.apply(api, [{"name": "support", "models": ["chat"]}, TEAMS[1]])
    assert api.teams["inferstack-support"]["max_budget"] is None
    assert api.teams["inferstack-support"]["models"] == ["chat"]


def test_a_team_that_left_is_blocked_and_one_made_by_hand_is_not(program: ModuleType) -> None:
    api = Api()
    api.teams["by-hand"] = {"team_id": "by-hand", "metadata": None}
    program.apply(api, TEAMS)
    program.apply(api, TEAMS[:1])
    assert api.teams["inferstack-search-team"]["blocked"] is True
    assert "blocked" not in api.teams["by-hand"]
    program.apply(api, TEAMS)
    assert api.teams["inferstack-search-team"]["blocked"] is False


def test_keys_come_from_the_environment_and_never_stand_in_the_log(
    program: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TEAM_KEY_SEARCH_TEAM", "sk-search-0123456789")
    api = Api()
    program.apply(api, TEAMS)
    program.apply(api, TEAMS)
    assert api.owners() == {digest("sk-search-0123456789"): "inferstack-search-team"}
    assert api.asked.count("/key/generate") == 1
    assert "sk-search" not in capsys.readouterr().out


def test_a_new_key_works_before_the_old_one_goes(
    program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_KEY_SUPPORT", "sk-support-old-0123456")
    api = Api()
    program.apply(api, TEAMS)
    by_hand = {"token": "by-hand", "key_alias": "by-hand", "team_id": "inferstack-support", "metadata": {}}
    before = {"token": "old", "key_alias": "inferstack-support", "team_id": "inferstack-support"}
    api.keys |= {"by-hand": by_hand, "old": before}
    monkeypatch.setenv("TEAM_KEY_SUPPORT", "sk-support-new-0123456")
    api.asked.clear()
    program.apply(api, TEAMS)
    assert set(api.keys) == {digest("sk-support-new-0123456"), "by-hand"}
    assert [path for path in api.asked if "key" in path] == ["/key/generate", "/key/delete"]


def test_teams_may_exchange_their_keys(program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = "sk-one-0123456789", "sk-two-0123456789"
    api = Api()
    for support, search in ((one, two), (two, one)):
        monkeypatch.setenv("TEAM_KEY_SUPPORT", support)
        monkeypatch.setenv("TEAM_KEY_SEARCH_TEAM", search)
        program.apply(api, TEAMS)
        wanted = {digest(support): "inferstack-support", digest(search): "inferstack-search-team"}
        assert api.owners() == wanted


def test_a_refusal_stops_the_job(program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_KEY_SUPPORT", "sk-support-0123456789")

    class Broken(Api):
        def call(self, path: str, body: Any = None) -> Any:
            if path == "/key/generate":
                raise urllib.error.HTTPError(path, 500, "no", {}, io.BytesIO())  # type: ignore[arg-type]
            return super().call(path, body)

    with pytest.raises(urllib.error.HTTPError):
        program.apply(Broken(), TEAMS)


def test_it_waits_for_the_database(program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "PAUSE_S", 0.0)
    answers = iter(["Not connected", "Not connected", "connected"])
    gateway = program.Gateway("http://gateway", "key")
    monkeypatch.setattr(gateway, "call", lambda path: {"db": next(answers)})
    gateway.wait()
    monkeypatch.setattr(program, "ATTEMPTS", 2)
    monkeypatch.setattr(gateway, "call", lambda path: {"db": "Not connected"})
    with pytest.raises(SystemExit):
        gateway.wait()
