"""The fitted constants of the performance model, read once from ``data/performance.json``.

Written by ``tests/accuracy/fit_performance.py`` from ``data/measurements/serving_benchmarks.csv``. All
fractions are of the data sheet's peak; multipliers are relative to the common value.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Achieved share of peak bandwidth and of peak compute."""

    bandwidth: float
    compute: float


@dataclass(frozen=True, slots=True)
class Link:
    """An all-reduce: latency of a small one, achieved share of the link's rate for a large one."""

    latency_us: float
    fraction: float


@dataclass(frozen=True, slots=True)
class EngineConstants:
    """An engine generation: scheduler time per step and sequence; multipliers on launch time and compute."""

    step_ms: float
    sequence_us: float
    launch: float
    compute: float
    request_ms: float
    """Time to first token outside the engine: HTTP, tokenizer, queues between processes."""


@dataclass(frozen=True, slots=True)
class Constants:
    """Everything ``StepModel`` and the service model take from measurements."""

    bandwidth: float
    kernels: tuple[tuple[str, Efficiency], ...]
    gpus: tuple[tuple[str, Efficiency], ...]
    engines: tuple[tuple[str, EngineConstants], ...]
    sharpness: float
    moe_bandwidth: float
    moe_compute: float
    routing_spread: float
    expert_parallel_imbalance: float
    attention_bandwidth: float
    attention_compute: float
    mla_bandwidth: float
    layer_us: float
    moe_layer_us: float
    prefill_layer_us: float
    nvlink: Link
    pcie: Link

    def kernel(self, name: str) -> Efficiency:
        return dict(self.kernels)[name]

    def gpu(self, gpu_id: str) -> Efficiency:
        """Correction of one GPU; 1 for those never measured."""
        return dict(self.gpus).get(gpu_id, _NO_CORRECTION)

    def engine(self, name: str) -> EngineConstants:
        return dict(self.engines)[name]


_NO_CORRECTION = Efficiency(1.0, 1.0)


def engine_generation(vllm_version: str) -> str:
    """v0: before the V1 engine (0.8); v1: up to synchronous scheduling (0.11); v2: since."""
    found = re.match(r"v?(\d+)\.(\d+)", vllm_version)
    if found is None:
        return "vllm-v2"
    version = (int(found[1]), int(found[2]))
    if version < (0, 8):
        return "vllm-v0"
    return "vllm-v1" if version < (0, 12) else "vllm-v2"


@functools.cache
def load_constants(path: Path = DATA / "performance.json") -> Constants:
    return constants_from(json.loads(path.read_text(encoding="utf-8"))["constants"])


def constants_from(document: dict[str, object]) -> Constants:
    """Constants from their JSON form."""
    raw = dict(document)
    pairs = {"kernels": Efficiency, "gpus": Efficiency, "engines": EngineConstants}
    for key, kind in pairs.items():
        table = raw[key]
        assert isinstance(table, dict)
        raw[key] = tuple((name, kind(**value)) for name, value in sorted(table.items()))
    for key in ("nvlink", "pcie"):
        link = raw[key]
        assert isinstance(link, dict)
        raw[key] = Link(**link)
    return Constants(**raw)  # type: ignore[arg-type]  # the JSON boundary; a wrong key raises TypeError
