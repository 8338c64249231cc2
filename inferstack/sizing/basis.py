"""How far a prediction can be trusted: where it stands among the measurements, and the range that follows.

The range is the 80 % interval of the model's own errors on measurements it was not fitted to, by kind of
load and by basis; both are in ``data/performance.json``, written with the constants.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Final

from inferstack.sizing.constants import UNMEASURED, generation, load_document
from inferstack.sizing.kernels import kernel_of
from inferstack.sizing.speculation import doubt
from inferstack.sizing.types import Basis, Interval
from inferstack.sizing.weight_formats import Part

if TYPE_CHECKING:
    from inferstack.catalog.types import Architecture
    from inferstack.sizing.types import Deployment, Load, Prediction, Speculation

FEW: Final = 8
"""Requests under way up to which an engine is nearly idle."""


def shape_key(architecture: Architecture) -> str:
    """Names a network by its shape, so that renamed and fine-tuned copies are the same."""
    a = architecture
    experts = a.moe.num_experts if a.moe else 0
    return f"{a.num_layers}x{a.hidden_size}/{a.num_attention_heads}/{a.num_kv_heads}/{experts}/{a.vocab_size}"


def basis_of(deployment: Deployment) -> Basis:
    """measured: this network on this GPU; interpolated: this GPU and this kernel; extrapolated: neither, or
    speculative decoding, adapters or data-parallel ranks."""
    if deployment.speculation is not None or deployment.adapters is not None or deployment.data_parallel > 1:
        return "extrapolated"  # no run of vLLM with any of them is among the measurements
    measured = _measured()
    if (deployment.gpu.id, shape_key(deployment.architecture)) in measured.pairs:
        return "measured"
    part = Part.EXPERT if deployment.architecture.moe else Part.MLP
    known = deployment.gpu.id in measured.gpus and kernel_of(deployment, part).name in measured.kernels
    return "interpolated" if known else "extrapolated"


def load_kind(load: Load, *, saturated: bool) -> str:
    """few, many, open or saturated: the kinds of load whose errors differ."""
    if saturated:
        return "saturated"
    if load.concurrency is None:
        return "open"
    return "few" if load.concurrency <= FEW else "many"


def intervals(
    prediction: Prediction,
    load: Load,
    basis: Basis,
    full_output_per_second: float,
    vllm_version: str,
    speculation: Speculation | None = None,
) -> dict[str, Interval]:
    """80 % intervals of the means, by field name.

    ``full_output_per_second``: what the deployment gives at saturation. Below it, the throughput of an open
    loop is what is asked, and only a capacity that turns out smaller can take from it.
    """
    newer = generation(vllm_version) == UNMEASURED
    errors = load_document()["errors_of_unmeasured_versions" if newer else "errors"][basis]
    kind = load_kind(load, saturated=prediction.saturated)
    means = {
        "output_tokens_per_second": prediction.output_tokens_per_second,
        "ttft_ms": prediction.ttft_ms.mean,
        "tpot_ms": prediction.tpot_ms.mean,
    }
    fewer, more = doubt(speculation)
    widened = {"output_tokens_per_second": (fewer, more), "ttft_ms": (0.0, 0.0), "tpot_ms": (more, fewer)}
    found = {name: _around(mean, errors[kind][name], widened[name]) for name, mean in means.items()}
    if kind == "open":
        asked = means["output_tokens_per_second"]
        full_errors = errors["saturated"]["output_tokens_per_second"]
        worst = _around(full_output_per_second, full_errors, (fewer, more)).low
        found["output_tokens_per_second"] = Interval(low=min(asked, worst), high=asked)
    return found


def _around(mean: float, log_errors: tuple[float, float], widened: tuple[float, float]) -> Interval:
    """The estimate always lies inside, however one-sided the errors were."""
    low, high = log_errors
    less, more = widened
    return Interval(low=mean * math.exp(min(low, 0.0) - less), high=mean * math.exp(max(high, 0.0) + more))


class _Measured:
    """What the constants were fitted to."""

    __slots__ = ("gpus", "kernels", "pairs")

    def __init__(self) -> None:
        table = load_document()["measured"]
        self.pairs = frozenset((gpu, shape) for gpu, shapes in table["shapes"].items() for shape in shapes)
        self.gpus = frozenset(table["shapes"])
        self.kernels = frozenset(table["kernels"])


@functools.cache
def _measured() -> _Measured:
    return _Measured()
