"""The fitted constants of the performance model, read once from ``data/performance.json``.

Written by ``tests/accuracy/fit_performance.py`` from ``data/measurements/serving_benchmarks.csv``. Shares
are of the data sheet's peak; corrections multiply the common value.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from inferstack.sizing.vllm_defaults import version_key

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA: Final = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Achieved share of peak bandwidth and of peak compute."""

    bandwidth: float
    compute: float


@dataclass(frozen=True, slots=True)
class ExpertEfficiency:
    """As ``Efficiency``, for the grouped matrices of routed experts, and the time of their launches a
    layer."""

    bandwidth: float
    compute: float
    layer_us: float


@dataclass(frozen=True, slots=True)
class GpuCorrection:
    """Multipliers of one GPU on the common bandwidth, compute and launch time."""

    bandwidth: float
    compute: float
    launch: float


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
    frontend_ms: float
    """What one request occupies the front end for; a burst of requests enters at this pace."""
    activation_share: float
    """Share of the activation peak estimated for this generation that its runs were seen to need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """Everything the step and service models take from measurements."""

    bandwidth: float
    sharpness: float
    """How far reading and computing overlap: 1 adds them up, infinity hides the shorter one."""
    kernels: Mapping[str, Efficiency]
    experts: Mapping[str, ExpertEfficiency]
    gpus: Mapping[str, GpuCorrection]
    engines: Mapping[str, EngineConstants]
    routing_spread: float
    """How evenly tokens choose experts: 1 is uniform, less touches fewer experts."""
    expert_parallel_imbalance: float
    attention_bandwidth: float
    attention_compute: float
    sinks_compute: float
    """Prefill attention with attention sinks where FlashAttention 3 does not run (before Hopper)."""
    mla_bandwidth: float
    layer_us: float
    mla_layer_us: float
    prefill_layer_us: float
    nvlink: Link
    peer: Link
    """PCIe between GPUs that read each other's memory (A100 and H100 cards)."""
    pcie: Link
    """PCIe through the host: consumer, workstation and inference cards."""

    def gpu(self, gpu_id: str) -> GpuCorrection:
        """Correction of one GPU; none for those never measured."""
        return self.gpus.get(gpu_id, _NO_CORRECTION)


_NO_CORRECTION: Final = GpuCorrection(1.0, 1.0, 1.0)
_TABLES: Final = {
    "kernels": Efficiency,
    "experts": ExpertEfficiency,
    "gpus": GpuCorrection,
    "engines": EngineConstants,
}
_GENERATIONS: Final = (
    ((0, 8), "vllm-v0"),
    ((0, 11), "vllm-v1-early"),
    ((0, 12), "vllm-v1-late"),
    ((0, 24), "vllm-v1-async"),
)
"""Engine generations by the version that ends them: before V1, early V1, late V1, asynchronous scheduling."""
UNMEASURED: Final = "vllm-newer"
"""Versions without measurements: the mean of the newest two generations, between which progress and the hand
of whoever measured cannot be told apart."""


def generation(vllm_version: str) -> str:
    """The engine generation of a version, as a key of ``Constants.engines``."""
    version = version_key(vllm_version)
    return next((name for end, name in _GENERATIONS if version < end), UNMEASURED)


@functools.cache
def load_document(path: Path = DATA / "performance.json") -> Mapping[str, Any]:
    """The parsed file."""
    document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


@functools.cache
def load_constants() -> Constants:
    """The constants that ship."""
    return constants_from(load_document()["constants"])


def constants_from(document: Mapping[str, Any]) -> Constants:
    """Constants from their JSON form; TypeError for a missing or unknown key."""
    raw = dict(document)
    for key, kind in _TABLES.items():
        raw[key] = MappingProxyType({name: kind(**value) for name, value in sorted(raw[key].items())})
    for key in ("nvlink", "peer", "pcie"):
        raw[key] = Link(**raw[key])
    return Constants(**raw)
