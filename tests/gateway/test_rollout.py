"""A rollout at the real proxy: the shares of each step, what is counted of it, and a step taken under load."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.metrics import load_metrics
from inferstack.rollout import queries
from tests.components import builders
from tests.components.running import build, manifest, preview
from tests.gateway.conftest import served
from tests.gateway.fake_backend import Behaviour, FakeBackend
from tests.gateway.proxy import LITELLM, MASTER_KEY, Proxy, question, rewritten, running
from tests.gateway.test_metrics import exported

pytestmark = pytest.mark.gateway
REQUESTS = 2000
POINTS = 3.0
STEPS = (5, 25, 50, 100)
INTERNAL = {"classification": "internal"}


def deployed(*workloads: Any) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """Configuration, guard and container of an environment's gateway."""
    spec = builders.environment(
        "rollouts", gateway={"host": "llm.example.eu", "timeout": "30s"}, monitoring={"stack": "none"}
    )
    graph = preview(build(builders.arguments(spec, builders.EU_ZONES, *workloads)))
    pod = manifest(graph, "Deployment", "litellm")["spec"]["template"]["spec"]
    data = manifest(graph, "ConfigMap", pod["volumes"][0]["configMap"]["name"])["data"]
    container = {**pod["containers"][0], "env": [dict(item) for item in pod["containers"][0]["env"]]}
    return yaml.safe_load(data["config.yaml"]), data["gateway_guard.py"], container


def versions(name: str, traffic: int) -> tuple[Any, Any]:
    """An old version, and a new one that has ``traffic`` percent of its callers."""
    rollout = {"strategy": "canary", "replaces": name, "traffic": traffic, "steps": list(STEPS)}
    return served(name, data=INTERNAL), served(f"{name}-v2", data=INTERNAL, rollout=rollout)


def started(stack: ExitStack, folder: Path, own: FakeBackend, external: FakeBackend, *served: Any) -> Proxy:
    if not LITELLM.is_file():
        pytest.skip("LiteLLM is not installed; `make test-gateway` does it")
    config, program, container = deployed(*served)
    folder.mkdir()
    return stack.enter_context(running(folder, rewritten(config, own, external), program, container))


@pytest.fixture(scope="module")
def steps(own: FakeBackend, external: FakeBackend, tmp_path_factory) -> Iterator[Proxy]:
    """One gateway with a rollout at each step, one that has ended, and its weights as the synth makes them."""
    every = [one for step in STEPS for one in versions(f"at{step}", step)]
    ended = served("heir", data=INTERNAL, answersTo=["gone"])
    with ExitStack() as stack:
        yield started(stack, tmp_path_factory.mktemp("steps") / "it", own, external, *every, ended)


def asked(proxy: Proxy, model: str, count: int) -> Counter[int]:
    """Statuses of ``count`` requests, sixteen at a time."""
    local = threading.local()

    def ask(number: int) -> int:
        connection = getattr(local, "connection", None) or proxy.connect()
        local.connection = connection
        body = question(model, f"q{number}")
        response = proxy.send(connection, "/v1/chat/completions", body, MASTER_KEY)
        response.read()
        return response.status

    with ThreadPoolExecutor(16) as pool:
        return Counter(pool.map(ask, range(count)))


@pytest.mark.parametrize("step", STEPS[:-1])
def test_a_step_is_the_share_that_it_says(steps: Proxy, own: FakeBackend, step: int) -> None:
    assert asked(steps, f"at{step}", REQUESTS) == {200: REQUESTS}
    found = own.counts()
    assert sum(found.values()) == REQUESTS
    assert set(found) <= {f"model-at{step}", f"model-at{step}-v2"}
    assert 100 * found[f"model-at{step}-v2"] / REQUESTS == pytest.approx(step, abs=POINTS)


def test_at_the_last_step_nothing_reaches_the_old_version(steps: Proxy, own: FakeBackend) -> None:
    assert asked(steps, "at100", 50) == {200: 50}
    assert own.counts() == {"model-at100-v2": 50}


def test_the_heir_answers_to_the_name_of_the_version_that_is_gone(steps: Proxy, own: FakeBackend) -> None:
    assert {steps.chat("gone").text for _ in range(5)} == {"from own/model-heir"}
    assert "gone" in {item["id"] for item in steps.call("/v1/models").body["data"]}
    assert {item.body["model"] for item in own.seen} == {"heir"}  # the server knows itself by its own name


def series(proxy: Proxy, name: str) -> list[tuple[dict[str, str], float]]:
    lines = re.findall(rf"^{name}{{(.*)}} ([0-9.e+-]+)$", exported(proxy), re.MULTILINE)
    return [(dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value)) for labels, value in lines]


def test_the_gateway_tells_the_weights_it_runs_with(steps: Proxy) -> None:
    """Since when a step is live is read from this."""
    found = {
        (labels["requested_model"], labels["model_id"]): value
        for labels, value in series(steps, queries.WEIGHT)
    }
    assert found["at25", "at25/at25"] == 75
    assert found["at25", "at25/at25-v2"] == 25
    assert found["at25-v2", "at25-v2/at25-v2"] == 100
    assert ("at100", "at100/at100") not in found
    assert found["gone", "gone/heir"] == 100


def counts(proxy: Proxy, name: str, version: str, matcher: str = "") -> int:
    """What the query's selector would find: label matchers of PromQL are anchored."""
    backend = re.compile(queries.Asked(workload=version, window_s=60).backend.partition('"')[2].rstrip('"'))
    status = re.compile(matcher or "(?!)")
    return round(
        sum(
            value
            for labels, value in series(proxy, name)
            if backend.fullmatch(labels["model_id"])
            and not status.fullmatch(labels.get("exception_status", ""))
        )
    )


def settled(proxy: Proxy, *what: str) -> int:
    """The proxy counts after the answer is out."""
    found = counts(proxy, *what)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        time.sleep(1)
        later = counts(proxy, *what)
        if later == found:
            return found
        found = later
    pytest.fail("the counts never stand still")


EXCUSED = queries.OWN_FAULT.partition('"')[2].rstrip('"')


@pytest.mark.parametrize(
    ("behaviour", "failed"),
    [
        (Behaviour(), False),
        (Behaviour(status=400), False),
        (Behaviour(status=404), False),
        (Behaviour(status=429), True),
        (Behaviour(status=500), True),
        (Behaviour(status=503), True),
    ],
    ids=lambda value: str(getattr(value, "status", "")),
)
def test_failures_of_a_version_are_counted_as_its_own(
    steps: Proxy, own: FakeBackend, behaviour: Behaviour, failed: bool
) -> None:
    """By request, however often it was repeated; what callers did wrong is no failure of the version."""
    version = "at100-v2"
    kinds = ((queries.SENT, version), (queries.FAILED, version, EXCUSED), (queries.FAILED, "at100", EXCUSED))
    before = [settled(steps, *kind) for kind in kinds]
    own.behaviour[f"model-{version}"] = behaviour
    for _ in range(5):
        steps.chat("at100")
    sent, broken, others = (settled(steps, *kind) - was for kind, was in zip(kinds, before, strict=True))
    assert (sent, broken, others) == (5, 5 if failed else 0, 0)


def test_a_failure_that_the_old_version_mends_still_counts(steps: Proxy, own: FakeBackend) -> None:
    """A retry may land at the old version: callers see nothing of it, the rollout must."""
    before = settled(steps, queries.FAILED, "at50-v2", EXCUSED)
    own.behaviour["model-at50-v2"] = Behaviour(status=500)
    statuses = Counter(steps.chat("at50").status for _ in range(40))
    counted = settled(steps, queries.FAILED, "at50-v2", EXCUSED) - before
    assert statuses[200] > 0
    assert counted > statuses[500]
    assert counted >= 5


def test_labels_are_those_on_record(steps: Proxy) -> None:
    steps.chat("at5")
    known = load_metrics("0.33.0").series
    for name in (queries.SENT, queries.FAILED, queries.WEIGHT):
        for labels, _ in series(steps, name):
            assert {"model_id"} <= set(labels)
        assert {"model_id"} <= known[name]
    assert "exception_status" in known[queries.FAILED]


def test_a_step_under_load_loses_nothing(own: FakeBackend, external: FakeBackend, tmp_path: Path) -> None:
    """As the pods of the gateway are replaced: the new one is ready before the old one is told to go."""
    gate = threading.Event()
    answers: list[tuple[int, str]] = []
    stop = threading.Event()
    targets: list[Proxy] = []

    def callers() -> None:
        while not stop.is_set():
            answer = targets[-1].chat("chat")
            answers.append((answer.status, answer.text if answer.status == 200 else ""))

    def stream(proxy: Proxy, number: int) -> str:
        with proxy.stream("chat", f"s{number}") as found:
            return "".join(found)

    with ExitStack() as after:
        before = ExitStack()
        old = started(before, tmp_path / "old", own, external, *versions("chat", 0))
        new = started(after, tmp_path / "new", own, external, *versions("chat", 100))
        targets.append(old)
        own.behaviour["model-chat"] = Behaviour(chunks=4, gate=gate)
        with ThreadPoolExecutor(24) as pool:
            streams = [pool.submit(stream, old, number) for number in range(12)]
            load = [pool.submit(callers) for _ in range(4)]
            _until(lambda: len(own.seen) >= 12 and len(answers) >= 20)
            targets.append(new)  # the load balancer sends to the new pod, then the old one is told to stop
            moved = len(answers)
            _until(lambda: len(answers) >= moved + 20)
            stopping = pool.submit(before.close)
            time.sleep(1)
            gate.set()
            texts = [item.result(60) for item in streams]
            stopping.result(60)
            left = len(answers)
            _until(lambda: len(answers) >= left + 20)
            stop.set()
            for item in load:
                item.result(60)
    assert texts == ["".join(f"[s{number}:{chunk}]" for chunk in range(4)) for number in range(12)]
    assert {status for status, _ in answers} == {200}
    assert {text for _, text in answers[:20]} == {"from own/model-chat"}
    assert {text for _, text in answers[left:]} == {"from own/model-chat-v2"}


def _until(done: Any, seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < limit, f"not within {seconds} s"
        time.sleep(0.05)
