"""How simulated kubelets behave: kwok's own stages, with model servers that load and drain for a while.

What a stage writes into a status is kwok's; what is ours is only who it applies to and when. A server keeps its
place (and its GPU) while it drains, and becomes ready only after its load: the two moments in which a rollout can
go wrong.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.build import module_directory

LOAD_MS = 700
DRAIN_MS = 400
STUCK = "test.inferstack.dev/never-ready"
"""Annotation of pods that start and never answer: an image that crashes, weights that do not fit."""
_SERVER = '.metadata.labels["app.kubernetes.io/name"]'


def kwok_stages() -> str:
    """The configuration file kwok reads."""
    shipped = module_directory("kwok", "sigs.k8s.io/kwok") / "kustomize" / "stage"
    nodes = ("node/fast/node-initialize", "node/heartbeat-with-lease/node-heartbeat-with-lease")
    ready, complete, delete = (
        _read(shipped / f"pod/fast/pod-{name}.yaml") for name in ("ready", "complete", "delete")
    )
    _match(ready, f'.metadata.annotations["{STUCK}"]', "DoesNotExist")
    complete["spec"]["delay"] = {"durationMilliseconds": 300}
    stages = [
        *(_read(shipped / f"{name}.yaml") for name in nodes),
        *_split(ready, LOAD_MS),
        *_split(delete, DRAIN_MS),
        complete,
    ]
    return yaml.safe_dump_all(stages, sort_keys=False)


def _split(stage: dict[str, Any], delay_ms: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The stage for model servers, after a while, and for all others, at once."""
    server, other = copy.deepcopy(stage), copy.deepcopy(stage)
    server["metadata"]["name"] += "-server"
    server["spec"]["delay"] = {"durationMilliseconds": delay_ms}
    _match(server, _SERVER, "In", "vllm")
    _match(other, _SERVER, "NotIn", "vllm")
    return server, other


def _match(stage: dict[str, Any], key: str, operator: str, *values: str) -> None:
    condition = {"key": key, "operator": operator, **({"values": list(values)} if values else {})}
    stage["spec"]["selector"]["matchExpressions"].append(condition)


def _read(file: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(file.read_text(encoding="utf-8")))
