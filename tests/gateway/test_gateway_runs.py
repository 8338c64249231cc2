"""The deployed gateway, run: streams, weights, failures, data classes, keys, load."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import monitors
from components.metrics import load_metrics
from components.pins import load_pins
from tests.gateway.fake_backend import Behaviour, FakeBackend, vector
from tests.gateway.proxy import MASTER_KEY, PROVIDER_KEYS, Proxy, question

pytestmark = pytest.mark.gateway
LOCK = Path(__file__).parent / "litellm.lock"
REQUESTS = 2000
POINTS = 3.0
STREAMS = 200
FAILURES = {
    "500": Behaviour(status=500),
    "502": Behaviour(status=502),
    "503": Behaviour(status=503),
    "429": Behaviour(status=429),
    "timeout": Behaviour(delay_s=4.0),
}


def test_the_version_is_the_one_that_is_deployed() -> None:
    """`litellm-non_root` images are tagged with the release of the package they hold."""
    assert f"litellm=={load_pins().image('litellm').version}" in LOCK.read_text().split()


class TestAnswers:
    def test_callers_see_workloads_and_nothing_else(self, gateway: Proxy) -> None:
        names = {item["id"] for item in gateway.call("/v1/models").body["data"]}
        assert names == {"chat", "picky", "secret", "stable", "next", "faq", "embed"}

    def test_an_answer_comes_from_the_own_replicas(
        self, gateway: Proxy, own: FakeBackend, external: FakeBackend
    ) -> None:
        answer = gateway.chat("chat")
        assert (answer.status, answer.text) == (200, "from own/model-chat")
        assert own.seen[0].body["model"] == "chat"
        assert MASTER_KEY not in own.seen[0].authorization
        assert external.seen == []

    def test_embeddings_are_served_too(self, gateway: Proxy, own: FakeBackend) -> None:
        answer = gateway.call("/v1/embeddings", {"model": "embed", "input": "text"})
        assert answer.body["data"][0]["embedding"] == vector("text")
        assert own.counts() == {"model-embed": 1}

    def test_a_token_costs_what_the_plan_says(self, gateway: Proxy) -> None:
        """What budgets of teams are charged: 120 tokens at 2.10 USD a million."""
        answer = gateway.chat("chat")
        assert float(answer.headers["x-litellm-response-cost"]) == pytest.approx(120 * 2.10e-6)

    def test_tokens_arrive_while_the_model_still_writes(self, gateway: Proxy, own: FakeBackend) -> None:
        gate = threading.Event()
        own.behaviour["model-chat"] = Behaviour(chunks=4, gate=gate)
        with gateway.stream("chat", "slow") as found:
            assert next(piece for piece in found if piece) == "[slow:0]"
            gate.set()
            assert "".join(found) == "[slow:1][slow:2][slow:3]"

    def test_many_streams_at_once_all_arrive_whole(self, gateway: Proxy, own: FakeBackend) -> None:
        own.behaviour["model-next"] = Behaviour(chunks=6, gap_s=0.1)
        together = threading.Barrier(STREAMS, timeout=60)

        def read(number: int) -> str:
            together.wait()
            with gateway.stream("next", f"s{number}") as found:
                return "".join(found)

        with ThreadPoolExecutor(STREAMS) as pool:
            texts = list(pool.map(read, range(STREAMS)))
        assert texts == ["".join(f"[s{n}:{chunk}]" for chunk in range(6)) for n in range(STREAMS)]


class TestWeights:
    def test_requests_are_shared_as_the_rollout_says(
        self, gateway: Proxy, own: FakeBackend, external: FakeBackend
    ) -> None:
        """10 % outside; of the rest 25 % to the new version."""
        local = threading.local()

        def ask(number: int) -> int:
            connection = getattr(local, "connection", None) or gateway.connect()
            local.connection = connection
            response = gateway.send(
                connection, "/v1/chat/completions", question("stable", f"q{number}"), MASTER_KEY
            )
            response.read()
            return response.status

        with ThreadPoolExecutor(16) as pool:
            assert Counter(pool.map(ask, range(REQUESTS))) == {200: REQUESTS}
        found = {**own.counts(), **external.counts()}
        assert sum(found.values()) == REQUESTS
        shares = {name: 100 * count / REQUESTS for name, count in found.items()}
        expected = {"model-stable": 67.5, "model-next": 22.5, "stable.together.x": 10.0}
        assert shares.keys() == expected.keys()
        for name, share in expected.items():
            assert shares[name] == pytest.approx(share, abs=POINTS), shares

    def test_a_new_version_can_be_asked_by_its_own_name(self, gateway: Proxy) -> None:
        assert {gateway.chat("next").text for _ in range(5)} == {"from own/model-next"}


class TestFailures:
    @pytest.mark.parametrize("failure", FAILURES)
    def test_an_external_backend_steps_in(
        self, gateway: Proxy, own: FakeBackend, external: FakeBackend, failure: str
    ) -> None:
        own.behaviour["model-chat"] = FAILURES[failure]
        answer = gateway.chat("chat", "please")
        assert (answer.status, answer.text) == (200, "from external/chat-fallback-1")
        assert [item.body["model"] for item in external.seen] == ["gpt-5"]
        assert external.seen[0].authorization == f"Bearer {PROVIDER_KEYS['OPENAI_API_KEY']}"

    def test_a_stream_falls_back_too(self, gateway: Proxy, own: FakeBackend) -> None:
        own.behaviour["model-chat"] = Behaviour(status=500)
        with gateway.stream("chat", "s") as found:
            assert "".join(found) == "[s:0][s:1][s:2]"

    def test_the_own_replicas_are_asked_again_at_once_when_they_recover(
        self, gateway: Proxy, own: FakeBackend, external: FakeBackend
    ) -> None:
        """A Service hides many replicas: one bad answer must not keep all of them out."""
        own.behaviour["model-chat"] = Behaviour(status=500)
        for _ in range(4):  # more than the three failures that LiteLLM's own cooldown allows
            assert gateway.chat("chat").text == "from external/chat-fallback-1"
        own.behaviour["model-chat"] = Behaviour()
        assert {gateway.chat("chat").text for _ in range(5)} == {"from own/model-chat"}

    def test_a_bad_request_goes_nowhere_else(
        self, gateway: Proxy, own: FakeBackend, external: FakeBackend
    ) -> None:
        own.behaviour["model-chat"] = Behaviour(status=400)
        answer = gateway.chat("chat")
        assert (answer.status, external.seen) == (400, []), answer

    @pytest.mark.parametrize("status", [500, 503, 504])
    def test_only_the_failures_a_workload_names_send_it_outside(
        self, gateway: Proxy, own: FakeBackend, external: FakeBackend, status: int
    ) -> None:
        own.behaviour["model-picky"] = Behaviour(status=status)
        assert gateway.chat("picky").status == status
        assert external.seen == []

    def test_the_failure_a_workload_names_does(self, gateway: Proxy, own: FakeBackend) -> None:
        own.behaviour["model-picky"] = Behaviour(status=429)
        assert gateway.chat("picky").text == "from external/picky-fallback-1"


class TestDataClass:
    """Every prompt here says TOP-SECRET; the fixture looks for it outside after each test of the tier."""

    @pytest.mark.parametrize("status", [200, 429, 500, 502, 503, 504])
    def test_restricted_data_never_leaves(
        self, gateway: Proxy, own: FakeBackend, external: FakeBackend, status: int
    ) -> None:
        """Half of its requests, and all that fail, would go outside if the class did not forbid it."""
        own.behaviour["model-secret"] = Behaviour(status=status)
        for _ in range(12 if status == 200 else 2):
            assert gateway.chat("secret", "TOP-SECRET").status == status
        assert external.seen == []

    @pytest.mark.parametrize(
        "more",
        [
            {"fallbacks": ["chat-fallback-1"]},
            {"fallbacks": [{"model": "chat-fallback-1"}]},
            {"context_window_fallbacks": [{"secret": ["chat-fallback-1"]}]},
            {"mock_testing_fallbacks": True},
            {"api_base": "http://127.0.0.1:1/v1"},
            {"custom_llm_provider": "openai"},
            {"model_list": []},
        ],
    )
    def test_a_caller_cannot_open_a_way_out(
        self, gateway: Proxy, own: FakeBackend, external: FakeBackend, more: dict[str, Any]
    ) -> None:
        own.behaviour["model-secret"] = Behaviour(status=500)
        assert gateway.chat("secret", "TOP-SECRET", **more).status in (400, 401, 403)
        assert external.seen == []

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/v1/moderations", {"input": "TOP-SECRET"}),
            ("/v1/vector_stores", {"name": "TOP-SECRET"}),
            ("/v1/vector_stores/x/search", {"query": "TOP-SECRET"}),
            (
                "/v1/batches",
                {"input_file_id": "x", "endpoint": "/v1/completions", "completion_window": "24h"},
            ),
        ],
    )
    def test_a_request_without_a_model_goes_nowhere(
        self, gateway: Proxy, external: FakeBackend, path: str, body: dict[str, Any]
    ) -> None:
        answer = gateway.call(path, body)
        assert answer.status in (400, 404), answer
        assert "names no model" in json.dumps(answer.body)
        assert external.seen == []

    @pytest.mark.parametrize("model", ["chat-fallback-1", "openai/gpt-5", "gpt-5", "together_ai/x", "*"])
    def test_a_caller_cannot_name_an_external_backend(
        self, gateway: Proxy, external: FakeBackend, model: str
    ) -> None:
        assert gateway.chat(model, "TOP-SECRET").status in (400, 404)
        assert external.seen == []

    def test_even_a_configuration_that_names_one_is_held_back(
        self, deployed: tuple[dict[str, Any], str, dict[str, Any]]
    ) -> None:
        """The deployed text has no external member and no fallback for the restricted workload."""
        config = deployed[0]
        assert [item for item in config["model_list"] if item["model_info"]["workload"] == "secret"] == [
            item for item in config["model_list"] if item["model_name"] == "secret"
        ]
        assert "secret" not in json.dumps(config["router_settings"])
        assert "gpt-5" in yaml.safe_dump(config)


class TestCache:
    def test_an_answer_to_the_same_prompt_is_kept_where_the_class_allows(
        self, gateway: Proxy, own: FakeBackend
    ) -> None:
        for _ in range(3):
            assert gateway.chat("faq", "opening hours?").text == "from own/model-faq"
        assert own.counts()["model-faq"] == 1

    def test_so_is_one_to_a_prompt_that_means_the_same(
        self, gateway: Proxy, own: FakeBackend, valkey: int | None
    ) -> None:
        """A real Valkey compares embeddings; the fake's count words, so that alike is a matter of arithmetic."""
        if valkey is None:
            pytest.skip("no Valkey with a search module is packaged for this machine")
        words = [f"word{number}" for number in range(24)]
        alike = [*reversed(words), "please"]  # cosine 24 / sqrt(24 * 25) = 0.98
        unlike = [*words[:12], *(f"other{number}" for number in range(12))]  # 0.5
        for prompt, asked in ((words, 1), (alike, 1), (unlike, 2), (words, 2)):
            assert gateway.chat("faq", " ".join(prompt)).status == 200
            assert own.counts()["model-faq"] == asked, prompt

    def test_a_caller_may_ask_for_a_fresh_one(self, gateway: Proxy, own: FakeBackend) -> None:
        for _ in range(2):
            gateway.chat("faq", "fresh?", cache={"no-cache": True})
        assert own.counts()["model-faq"] == 2

    @pytest.mark.parametrize("model", ["chat", "secret"])
    def test_nothing_more_protected_is_ever_kept(self, gateway: Proxy, own: FakeBackend, model: str) -> None:
        """Not even when the caller asks for it."""
        for more in ({}, {}, {"cache": {"use-cache": True, "no-cache": False, "no-store": False}}):
            assert gateway.chat(model, "TOP-SECRET, the same each time", **more).status == 200
        assert own.counts()[f"model-{model}"] == 3
        embedded = [item.body for item in own.seen if item.backend == "model-embed"]
        assert "TOP-SECRET" not in json.dumps(embedded)


class TestKeys:
    def test_without_a_key_nothing_is_served(self, gateway: Proxy, own: FakeBackend) -> None:
        for key in (None, "sk-wrong", ""):
            answer = gateway.call("/v1/chat/completions", question("chat", "x"), key)
            assert answer.status in (400, 401)
        assert own.seen == []

    def test_management_asks_for_the_master_key(self, gateway: Proxy) -> None:
        assert gateway.call("/key/generate", {}, "sk-wrong").status in (400, 401)


class TestMetrics:
    """What dashboards, alerts and scalers ask Prometheus for is what the proxy really exports."""

    SAMPLE = re.compile(r"^(litellm_\w+)(?:\{(.*)\})? ", re.M)

    def exported(self, gateway: Proxy) -> dict[str, set[str]]:
        """Labels by name, read as Prometheus does: without a key."""
        connection = gateway.connect()
        connection.request("GET", monitors.GATEWAY.path)
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status == 200, text
        found: dict[str, set[str]] = {}
        for name, labels in self.SAMPLE.findall(text):
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
        return found

    @pytest.fixture
    def series(self, gateway: Proxy, own: FakeBackend) -> dict[str, set[str]]:
        assert gateway.chat("chat").status == 200
        own.behaviour["model-chat"] = FAILURES["503"]
        assert gateway.chat("chat").status == 200  # by the fallback
        gateway.chat("secret")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:  # counted after the answer is out
            found = self.exported(gateway)
            if (
                "litellm_deployment_successful_fallbacks_total" in found
                and "litellm_spend_metric_total" in found
            ):
                return found
            time.sleep(0.2)
        raise AssertionError(sorted(found))

    def test_names_and_labels_are_those_that_queries_may_use(self, series: dict[str, set[str]]) -> None:
        known = load_metrics("0.33.0")
        recorded = {
            name: labels
            for metric in known.known
            if metric.exporter == "litellm"
            for name, labels in metric.series()
        }
        seen = recorded.keys() & series.keys()
        assert {
            "litellm_proxy_total_requests_metric_total",
            "litellm_deployment_successful_fallbacks_total",
            "litellm_request_total_latency_metric_bucket",
            "litellm_overhead_latency_metric_bucket",
            "litellm_spend_metric_total",
            "litellm_input_tokens_metric_total",
            "litellm_output_tokens_metric_total",
            "litellm_deployment_state",
        } <= seen
        assert {name: recorded[name] - series[name] for name in seen if recorded[name] - series[name]} == {}

    def test_nobody_is_named(self, series: dict[str, set[str]]) -> None:
        personal = {"client_ip", "end_user", "hashed_api_key", "user", "user_agent", "user_email"}
        assert {name: labels & personal for name, labels in series.items() if labels & personal} == {}
