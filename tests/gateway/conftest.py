"""One proxy for the whole tier: it takes longer to start than most tests take to run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from inferstack.engine.graph import Graph
from tests.components import builders
from tests.components.running import build, manifest, preview
from tests.gateway import cache
from tests.gateway import proxy as proxy_module
from tests.gateway.fake_backend import FakeBackend
from tests.gateway.proxy import LITELLM, Proxy, rewritten, running

MODEL = "Qwen/Qwen3-8B"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Asked for by marker only: the tier needs an environment of its own and minutes of CPU time."""
    if "gateway" in (config.option.markexpr or ""):
        return
    away = [item for item in items if item.get_closest_marker("gateway")]
    config.hook.pytest_deselected(items=away)
    items[:] = [item for item in items if item not in away]


def served(name: str, **sections: Any) -> tuple[Any, Any]:
    task = "embed" if name == "embed" else "chat"
    plan = builders.small_plan(workload=name, served_model_name=name, task=task)
    chosen = replace(plan.chosen, region="eu-central-1", zones=builders.EU_ZONES)
    return builders.workload(name, MODEL, **sections), replace(plan, chosen=chosen)


ALWAYS = ["error", "overload", "timeout", "rate-limit"]
WORKLOADS = (
    served(
        "chat",
        data={"classification": "internal"},
        fallback=[
            {
                "provider": "openai",
                "model": "gpt-5",
                "on": ALWAYS,
                "maxClassification": "internal",
                "after": "2s",
            }
        ],
    ),
    served(
        "picky",
        data={"classification": "internal"},
        fallback=[
            {"provider": "openai", "model": "gpt-5", "on": ["rate-limit"], "maxClassification": "internal"}
        ],
    ),
    served(
        "secret",
        data={"classification": "restricted"},
        fallback=[
            {
                "provider": "openai",
                "model": "gpt-5",
                "on": ALWAYS,
                "maxClassification": "restricted",
                "after": "2s",
            },
            {"provider": "together", "model": "x", "share": "50%", "maxClassification": "restricted"},
        ],
    ),
    served(
        "stable",
        data={"classification": "internal"},
        fallback=[{"provider": "together", "model": "x", "share": "10%", "maxClassification": "internal"}],
    ),
    served(
        "next",
        data={"classification": "internal"},
        rollout={"strategy": "canary", "replaces": "stable", "traffic": 25},
    ),
    served("faq", data={"classification": "public"}),
    served("embed", data={"classification": "internal"}),
)


@pytest.fixture(scope="session")
def graph() -> Graph:
    """An environment with every kind of route, as the offline engine would deploy it."""
    spec = builders.environment(
        "gateway-tests",
        gateway={
            "host": "llm.example.eu",
            "timeout": "30s",
            "cache": {"kind": "in-cluster", "embedding": "embed", "maxClassification": "public"},
        },
        monitoring={"stack": "none"},
    )
    return preview(build(builders.arguments(spec, builders.EU_ZONES, *WORKLOADS)))


@pytest.fixture(scope="session")
def deployed(graph: Graph) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """Configuration, guard and container, read from the manifests."""
    pod = manifest(graph, "Deployment", "litellm")["spec"]["template"]["spec"]
    data = manifest(graph, "ConfigMap", pod["volumes"][0]["configMap"]["name"])["data"]
    container = json.loads(json.dumps(pod["containers"][0], default=dict))
    return yaml.safe_load(data["config.yaml"]), data["gateway_guard.py"], container


@pytest.fixture(scope="session")
def own() -> Iterator[FakeBackend]:
    """The model servers."""
    server = FakeBackend("own").start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def external() -> Iterator[FakeBackend]:
    """The providers outside."""
    server = FakeBackend("external").start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey() -> Iterator[int | None]:
    """Port of a Valkey with a search module; None where none is packaged."""
    if not cache.available():
        yield None
        return
    with cache.serving() as port:
        yield port


@pytest.fixture(scope="session")
def gateway(
    deployed: tuple[dict[str, Any], str, dict[str, Any]],
    own: FakeBackend,
    external: FakeBackend,
    valkey: int | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proxy]:
    if not LITELLM.is_file():
        pytest.skip("LiteLLM is not installed; `make test-gateway` does it")
    config, program, container = deployed
    folder: Path = tmp_path_factory.mktemp("litellm")
    document = rewritten(config, own, external, search=valkey is not None)
    values = {} if valkey is None else {"VALKEY_PORT": str(valkey)}
    with running(folder, document, program, container, values) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def _as_new(own: FakeBackend, external: FakeBackend) -> Iterator[None]:
    own.reset()
    external.reset()
    yield
    leaks = [item for item in external.seen if "TOP-SECRET" in json.dumps(item.body)]
    assert not leaks, "restricted data reached an external backend"


__all__ = ["proxy_module"]
