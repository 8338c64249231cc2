"""What vLLM assumes when a deployment does not say: batch limits, utilization, length; by version and GPU."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from inferstack.catalog.load import load_catalog
from inferstack.errors import InputError, Problem

if TYPE_CHECKING:
    from inferstack.catalog.types import Accelerator
    from inferstack.sizing.types import Deployment

V1_SINCE: Final = (0, 8)
_V1_ON_TURING: Final = (0, 9)
_LAST_V0: Final = (0, 7, 3)
_FALLBACK_LENGTH: Final = 131_072
"""Model length when neither the deployment nor the architecture names one: the longest that is common."""
_V0_CHUNKED: Final = (0, 5, 5)
_MANY_SEQUENCES_UNTIL: Final = (0, 9)
"""vLLM 0.8 let 1,024 sequences run on any GPU."""
_UNCHUNKED_V0_LENGTH: Final = 32_768
"""V0 turned chunked prefill on for longer models only; shorter ones prefilled whole prompts."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings that decide memory, with defaults filled in."""

    version: tuple[int, ...]
    gpu_memory_utilization: float
    max_model_len: int
    max_num_seqs: int
    max_num_batched_tokens: int
    graphs_in_budget: bool


@lru_cache(maxsize=256)
def version_key(version: str) -> tuple[int, ...]:
    """``0.19.1`` as (0, 19, 1); InputError when there is no number in it."""
    found = re.search(r"\d+(\.\d+)+", version)
    if found is None:
        raise InputError(Problem(message="not a vLLM version", value=version, accepted="numbers like 0.33.0"))
    return tuple(int(part) for part in found[0].split("."))


@lru_cache(maxsize=1024)
def _defaults(version: tuple[int, ...], gpu: Accelerator) -> tuple[float, int, int, bool]:
    """Utilization, max_num_seqs, max_num_batched_tokens, graphs in the budget."""
    defaults = load_catalog().vllm_defaults(".".join(map(str, version)))
    name = gpu.name.lower()
    batch = next(
        row
        for row in defaults.batch_defaults
        if gpu.cuda_memory_gib >= row.min_gpu_memory_gib
        and not (row.excludes_gpu and row.excludes_gpu in name)
    )
    return (
        defaults.gpu_memory_utilization,
        batch.max_num_seqs,
        batch.max_num_batched_tokens,
        defaults.cuda_graphs_in_budget,
    )


def default_batched_tokens(version: str, gpu: Accelerator) -> int:
    """``max_num_batched_tokens`` of a server that is not told."""
    return _defaults(version_key(version), gpu)[2]


def engine_version(deployment: Deployment) -> tuple[int, ...]:
    """The version; 0.8 ran its V0 engine on GPUs before compute capability 8.0, which counts as 0.7."""
    version = version_key(deployment.vllm_version)
    if V1_SINCE <= version < _V1_ON_TURING and float(deployment.gpu.compute_capability) < 8:
        return _LAST_V0
    return version


def limits(deployment: Deployment) -> Limits:
    """The deployment's settings, completed as its vLLM version would."""
    version = engine_version(deployment)
    utilization, sequences, batched, graphs = _defaults(version, deployment.gpu)
    length = deployment.max_model_len or deployment.architecture.max_position or _FALLBACK_LENGTH
    if version < V1_SINCE:
        multimodal = bool(deployment.architecture.non_text_params_b)
        chunked = version >= _V0_CHUNKED and length > _UNCHUNKED_V0_LENGTH and not multimodal
        batched = 2048 if chunked else max(length, 2048)
    elif version < _MANY_SEQUENCES_UNTIL:
        sequences = 1024
    given = deployment.gpu_memory_utilization
    return Limits(
        version=version,
        gpu_memory_utilization=utilization if given is None else given,
        max_model_len=length,
        max_num_seqs=deployment.max_num_seqs or sequences,
        max_num_batched_tokens=deployment.max_num_batched_tokens or batched,
        graphs_in_budget=graphs and not deployment.enforce_eager,
    )
