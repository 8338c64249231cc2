"""The whole way of a request: the real LiteLLM, the real Envoy of the version it chose, a replica.

Both configurations are the environment's own, of one canary in it; only addresses differ.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from inferstack.engine.graph import Graph
from tests.components import builders
from tests.components.running import build, manifest, preview
from tests.gateway.fake_backend import FakeBackend
from tests.gateway.proxy import LITELLM, Proxy, rewritten, running
from tests.routing.fake_vllm import Fleet
from tests.routing.router_world import FIRST, SECOND, SERVICE, Routed, need_envoy, routed

pytestmark = pytest.mark.routing
OLD, NEW = "chat", "chat-v2"
SHARE = 25
OPENAI = {
    "provider": "openai",
    "model": "gpt-5",
    "on": ["error", "overload"],
    "maxClassification": "internal",
}


@dataclass
class Way:
    """What callers see, and everything behind it."""

    proxy: Proxy
    routers: dict[str, Routed]
    external: FakeBackend

    def served(self) -> Counter[tuple[str, str]]:
        """Requests by workload and replica."""
        return Counter(
            (name, one.replica) for name, router in self.routers.items() for one in router.fleet.seen
        )


@pytest.fixture(scope="module")
def deployed() -> Graph:
    spec = builders.environment(
        "routed",
        gateway={"host": "llm.example.eu", "routing": "prefix-aware", "timeout": "30s"},
        monitoring={"stack": "none"},
    )
    rollout = {"strategy": "canary", "replaces": OLD, "traffic": SHARE}
    served = [
        (
            builders.workload(
                name, builders.PLAN.model_id, data={"classification": "internal"}, fallback=[OPENAI], **more
            ),
            builders.replace(builders.PLAN, workload=name, served_model_name=name),
        )
        for name, more in ((OLD, {}), (NEW, {"rollout": rollout}))
    ]
    return preview(build(builders.arguments(spec, builders.EU_ZONES, *served)))


def mounted(graph: Graph, deployment: str) -> tuple[dict[str, Any], dict[str, str]]:
    """First container and files of a deployment."""
    pod = manifest(graph, "Deployment", deployment)["spec"]["template"]["spec"]
    data = manifest(graph, "ConfigMap", pod["volumes"][0]["configMap"]["name"])["data"]
    return json.loads(json.dumps(pod["containers"][0], default=dict)), dict(data)


@pytest.fixture(scope="module")
def way(deployed: Graph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    need_envoy()
    if not LITELLM.is_file():
        pytest.skip("LiteLLM is not installed; `make test-gateway` does it")
    container, files = mounted(deployed, "litellm")
    config = yaml.safe_load(files["config.yaml"])
    with ExitStack() as stack:
        external = FakeBackend("external").start()
        stack.callback(external.stop)
        routers = {}
        for name in (OLD, NEW):
            fleet = Fleet((SERVICE, FIRST, SECOND)).start()
            stack.callback(fleet.stop)
            envoy = yaml.safe_load(mounted(deployed, f"router-{name}")[1]["envoy.yaml"])
            folder = tmp_path_factory.mktemp(name)
            routers[name] = stack.enter_context(routed(envoy, fleet, folder, name))
        document = rewritten(config, external, external)
        for entry, original in zip(document["model_list"], config["model_list"], strict=True):
            address = original["litellm_params"].get("api_base", "")
            for name, router in routers.items():
                if f"//router-{name}." in address:
                    entry["litellm_params"]["api_base"] = f"http://127.0.0.1:{router.envoy.port}/v1"
        folder = tmp_path_factory.mktemp("litellm")
        proxy = stack.enter_context(running(folder, document, files["gateway_guard.py"], container))
        yield Way(proxy, routers, external)


@pytest.fixture
def fresh(way: Way) -> Way:
    way.external.reset()
    for router in way.routers.values():
        router.fleet.reset()
        for picker in router.pickers:
            picker.reset()
    return way


def test_every_own_backend_is_a_router(deployed: Graph) -> None:
    config = yaml.safe_load(mounted(deployed, "litellm")[1]["config.yaml"])
    own = {
        entry["litellm_params"]["api_base"].split("/")[2]
        for entry in config["model_list"]
        if "api_base" in entry["litellm_params"]
    }
    assert {f"router-{name}.llm-serving.svc.cluster.local:8000" for name in (OLD, NEW)} <= own


@pytest.mark.parametrize(("prompt", "replica"), [("the first", FIRST), ("the second", SECOND)])
def test_a_request_ends_at_the_replica_that_the_picker_chose(fresh: Way, prompt: str, replica: str) -> None:
    assert fresh.proxy.chat(NEW, prompt).status == 200
    assert fresh.served() == {(NEW, replica): 1}


def test_weights_are_litellms_and_replicas_the_pickers(fresh: Way) -> None:
    for _ in range(400):
        assert fresh.proxy.chat(OLD, "the second").status == 200
    seen = fresh.served()
    assert set(seen) == {(OLD, SECOND), (NEW, SECOND)}
    # three standard deviations of 400 draws
    assert abs(seen[(NEW, SECOND)] / 4 - SHARE) <= 6.5
    assert fresh.external.seen == []


def test_a_stream_comes_through_both_piece_by_piece(fresh: Way) -> None:

    gates = [router.fleet.replicas[FIRST] for router in fresh.routers.values()]
    for replica in gates:
        replica.gate = threading.Event()
    with fresh.proxy.stream(NEW, "the first") as pieces:
        first = next(piece for piece in pieces if piece)
        assert first.split()[1] == "0", "the first piece is here while the server holds the rest"
        for replica in gates:
            assert replica.gate is not None
            replica.gate.set()
        assert [piece.split()[1] for piece in pieces if piece] == ["1", "2", "3"]


def test_a_dead_picker_sends_nothing_outside(fresh: Way) -> None:
    for router in fresh.routers.values():
        for picker in router.pickers:
            picker.mood = "refuses"
    assert fresh.proxy.chat(NEW, "the second").status == 200
    assert fresh.served() == {(NEW, SERVICE): 1}
    assert fresh.external.seen == []


def test_a_full_server_is_the_gateways_matter(fresh: Way) -> None:
    """Its 503 comes through the router as it is, and the fallback that the workload allows takes over."""
    for router in fresh.routers.values():
        for replica in router.fleet.replicas.values():
            replica.status = 503
    answer = fresh.proxy.chat(OLD, "the first")
    assert answer.status == 200
    assert [one.backend for one in fresh.external.seen] == [f"{OLD}-fallback-1"]
    assert {replica for _, replica in fresh.served()} == {FIRST}


def test_nobody_without_a_key_gets_as_far_as_the_router(fresh: Way) -> None:
    assert fresh.proxy.chat(OLD, "the first", key="sk-of-nobody").status in {400, 401}
    assert not fresh.served()
