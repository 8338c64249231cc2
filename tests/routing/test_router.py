"""The generated proxy in front of pickers that behave and pickers that do not."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import pytest

from components.metrics import load_metrics
from components.pins import load_pins
from tests.routing.envoy import question
from tests.routing.fake_vllm import Fleet
from tests.routing.picker import Mood
from tests.routing.router_world import FIRST, SECOND, SERVICE, Routed, routed
from tests.snapshots import exposition

pytestmark = pytest.mark.routing
METRICS = load_metrics(load_pins().image("vllm").version)
LONG = "long " * 400_000
"""2 MB: more than any buffer's default."""
WELL, *BAD = get_args(Mood)


class TestTheChoice:
    @pytest.mark.parametrize(("prompt", "replica"), [("first", FIRST), ("second", SECOND)])
    def test_is_the_pickers(self, router: Routed, prompt: str, replica: str) -> None:
        assert router.envoy.chat(prompt).replica == replica
        assert router.fleet.counts() == {SERVICE: 0, FIRST: 0, SECOND: 0} | {replica: 1}

    def test_a_request_without_a_body_has_one_too(self, router: Routed) -> None:
        assert router.envoy.call("/v1/models").replica == FIRST

    def test_a_long_prompt_arrives_whole(self, router: Routed) -> None:
        answer = router.envoy.chat(f"second {LONG}")
        assert (answer.status, router.fleet.seen[0].prompt) == (200, f"second {LONG}")
        assert router.fleet.seen[0].replica == SECOND

    def test_all_proxies_ask_the_first_picker_alone(self, router: Routed) -> None:
        for _ in range(10):
            router.envoy.chat("first")
        assert [one.asked for one in router.pickers] == [10, 0]

    def test_answers_do_not_pass_through_the_picker(self, router: Routed) -> None:
        connection, response = router.envoy.send("/v1/chat/completions", question("first", stream=True))
        assert b"[DONE]" in response.read()
        connection.close()
        assert (router.pickers[0].asked, router.pickers[0].answers) == (1, 0)


STEERING = (
    "x-gateway-destination-endpoint",
    "X-Gateway-Destination-Endpoint",
    "x-gateway-destination-endpoint-subset",
    "x-gateway-destination-endpoint-served",
    "x-gateway-inference-objective",
    "x-gateway-model-name-rewrite",
    "x-llm-d-model-name-rewrite",
    "x-llm-d-inference-objective",
    "x-llm-d-inference-fairness-id",
    "x-slo-ttft-ms",
    "x-envoy-retry-on",
    "x-envoy-max-retries",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-original-dst-host",
    "x-inferstack-not-chosen",
)


class TestWhatCallersSay:
    @pytest.mark.parametrize("header", STEERING)
    def test_does_not_steer(self, router: Routed, header: str) -> None:
        answer = router.envoy.chat("first", {header: router.fleet.address(SECOND), "x-kept": "yes"})
        assert answer.replica == FIRST
        asked, arrived = router.pickers[0].headers[0], router.fleet.seen[0].headers
        assert (header.lower() in asked, asked["x-kept"], arrived["x-kept"]) == (False, "yes", "yes")
        assert arrived["x-gateway-destination-endpoint"] == router.fleet.address(FIRST)

    @pytest.mark.parametrize("header", STEERING)
    def test_does_not_steer_when_the_picker_says_nothing_either(self, router: Routed, header: str) -> None:
        router.pickers[0].mood = "names nobody"
        answer = router.envoy.chat("first", {header: router.fleet.address(SECOND)})
        assert answer.replica == SERVICE


class TestAPickerThatIsNotWell:
    @pytest.mark.parametrize("prompt", ["first", f"first {LONG}"], ids=["short", "long"])
    @pytest.mark.parametrize("mood", BAD)
    def test_costs_no_request(self, router: Routed, mood: Mood, prompt: str) -> None:
        router.pickers[0].mood = mood
        answer = router.envoy.chat(prompt)
        assert (answer.status, answer.replica) == (200, SERVICE)
        assert [one.prompt for one in router.fleet.seen] == [prompt], "once, and whole"
        assert not [name for name in answer.headers if name.startswith("x-")]

    def test_is_counted(self, router: Routed) -> None:
        def fell() -> float:
            return router.envoy.counter("envoy_cluster_upstream_rq_retry", envoy_cluster_name="model")

        before = fell()
        router.envoy.chat("first")
        assert fell() == before
        router.pickers[0].mood = "refuses"
        router.envoy.chat("first")
        assert fell() == before + 1

    def test_that_dies_between_question_and_answer_costs_no_request(self, own: Routed) -> None:
        asked, dead = threading.Event(), threading.Event()

        def before() -> None:
            asked.set()
            own.pickers[0].mood = "hangs"

        own.pickers[0].before = before
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(own.envoy.chat, f"second {LONG}")
            assert asked.wait(10)
            own.pickers[0].kill()
            dead.set()
            assert answer.result(20).replica == SERVICE

    def test_that_dies_takes_no_stream_along(self, own: Routed) -> None:
        gate = own.fleet.replicas[FIRST].gate = threading.Event()
        connection, response = own.envoy.send("/v1/chat/completions", question("first", stream=True))
        assert f"{FIRST} 0 ".encode() in response.readline()
        for picker in own.pickers:
            picker.kill()
        assert own.envoy.chat("second").replica == SERVICE
        gate.set()
        assert response.read().count(b"data: ") == 4
        connection.close()

    def test_gives_way_to_the_second(self, own: Routed) -> None:
        own.envoy.chat("second")
        own.pickers[0].kill()
        answers = {own.envoy.chat("second").replica}
        while own.pickers[1].asked == 0:
            answers.add(own.envoy.chat("second").replica)
        assert answers <= {SERVICE, SECOND}, "any replica until the health check has seen it"
        assert own.envoy.chat("second").replica == SECOND


class TestModelServers:
    @pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
    def test_what_they_say_passes_through_and_is_not_asked_for_again(
        self, router: Routed, status: int
    ) -> None:
        router.fleet.replicas[FIRST].status = status
        answer = router.envoy.chat("first")
        assert (answer.status, answer.headers["retry-after"]) == (status, "1")
        assert json.loads(answer.body)["error"]["message"] == f"{FIRST} says {status}"
        assert router.fleet.counts() == {SERVICE: 0, FIRST: 1, SECOND: 0}

    def test_one_that_breaks_off_is_replaced_by_another(self, router: Routed) -> None:
        router.fleet.replicas[FIRST].drops = True
        assert router.envoy.chat("first").replica == SERVICE

    def test_nobody_there_is_an_error_and_not_a_full_queue(self, router: Routed) -> None:
        """The gateway's word for 503 is overload; external backends may be allowed for errors alone."""
        router.fleet.replicas[FIRST].drops = router.fleet.replicas[SERVICE].drops = True
        assert router.envoy.chat("first").status == 502

    def test_a_caller_that_goes_away_is_gone_for_them_too(self, router: Routed) -> None:
        replica = router.fleet.replicas[FIRST]
        replica.gate = threading.Event()
        connection, response = router.envoy.send("/v1/chat/completions", question("first", stream=True))
        response.readline()
        response.close()
        connection.close()
        assert replica.cancelled.wait(10)


class TestStreams:
    def test_pieces_come_as_they_are_made(self, router: Routed) -> None:
        gate = router.fleet.replicas[FIRST].gate = threading.Event()
        connection, response = router.envoy.send("/v1/chat/completions", question("first", stream=True))
        assert f"{FIRST} 0 ".encode() in response.readline(), "before the second is made"
        gate.set()
        assert response.read().count(b"data: ") == 4
        connection.close()

    def test_two_hundred_at_once(self, router: Routed) -> None:
        gate = threading.Event()
        for host in (FIRST, SECOND):
            router.fleet.replicas[host].gate = gate
        started, lock = [0], threading.Lock()

        def stream(number: int) -> bytes:
            prompt = "second" if number % 2 else "first"
            connection, response = router.envoy.send("/v1/chat/completions", question(prompt, stream=True))
            found = bytes(response.readline())
            with lock:
                started[0] += 1
                if started[0] == 200:
                    gate.set()
            try:
                return found + response.read()
            finally:
                connection.close()

        with ThreadPoolExecutor(200) as pool:
            answers = list(pool.map(stream, range(200)))
        assert all(answer.endswith(b"data: [DONE]\n\n") for answer in answers)
        assert router.fleet.counts() == {SERVICE: 0, FIRST: 100, SECOND: 100}
        assert router.pickers[0].asked == 200


class TestConnectionsThatGrowOld:
    """The proxy leaves when its callers' connections have ended; here they grow old in a second."""

    @pytest.fixture
    def hasty(self, config: Any, fleet: Fleet, tmp_path: Path) -> Iterator[Routed]:
        fleet.reset()
        changed = copy.deepcopy(config)
        entry = changed["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        entry["common_http_protocol_options"]["max_connection_duration"] = "1s"
        with routed(changed, fleet, tmp_path) as found:
            yield found

    def test_a_stream_outlives_its_connections_age(self, hasty: Routed) -> None:
        gate = hasty.fleet.replicas[FIRST].gate = threading.Event()
        connection, response = hasty.envoy.send("/v1/chat/completions", question("first", stream=True))
        assert response.readline()
        time.sleep(8)
        gate.set()
        assert response.read().count(b"data: ") == 4
        connection.close()

    def test_a_request_on_an_old_connection_is_its_last(self, hasty: Routed) -> None:
        connection = hasty.envoy.connect()
        said = []
        for pause_s in (0, 2):
            time.sleep(pause_s)
            connection.request("POST", "/v1/chat/completions", question("first"))
            response = connection.getresponse()
            assert response.read()
            said.append((response.status, response.getheader("connection")))
        connection.close()
        assert said == [(200, None), (200, "close")]


class TestWhatIsSeen:
    def test_no_prompt_is_in_the_log(self, own: Routed) -> None:
        own.fleet.replicas[SERVICE].drops = True
        for mood in BAD:
            own.pickers[0].mood = mood
            own.envoy.call(
                f"/v1/chat/completions?token=TOP-SECRET-{mood}".replace(" ", "-"), question("TOP-SECRET")
            )
        log = own.envoy.log.read_text()
        assert "not chosen" in log
        assert "TOP-SECRET" not in log

    def test_health_and_metrics_are_all_that_the_outside_sees_of_it(self, router: Routed) -> None:
        get = router.envoy.get
        port = router.envoy.health_port
        assert get(port, "/ready").status == 200
        assert b"envoy_http_ext_proc_streams_started" in get(port, "/metrics").body
        for path in ("/quitquitquit", "/config_dump", "/stats", "/metrics/../config_dump", "/"):
            assert get(port, path).status == 404

    def test_what_queries_ask_of_it_is_there(self, router: Routed) -> None:
        router.envoy.chat("first")
        exported = {name: (kind, labels) for name, kind, labels in exposition.metrics(router.envoy.metrics())}
        for metric in (one for one in METRICS.known if one.exporter == "envoy"):
            assert exported[metric.name] == (metric.kind, metric.labels), metric.name
