"""Which requests a load sends: lengths and arrival times, made without chance so that answers repeat.

Draws come from a low-discrepancy sequence: the i-th request has the quantile frac(i * golden ratio), which
spreads any prefix of the run evenly over the distribution.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inferstack.sizing.types import Load

_GOLDEN = 0.6180339887498949
_SQRT2 = 0.41421356237309515
# Conversations: Weibull shapes and cut (in means) that reproduce the published ShareGPT means and tails.
_NATURAL_PROMPT_SHAPE, _NATURAL_OUTPUT_SHAPE, _NATURAL_CUT = 1.0, 1.1, 5.0
_NATURAL_LONGEST_PROMPT = 700
# Synthetic runs draw lengths within about 10 % of the mean (InferenceX: 0.8 to 1.0 of the nominal).
_SYNTHETIC_SPREAD = 0.1
# Shorter outputs differ by a step or two, too little for requests in a closed loop to get out of step.
_TOO_SHORT_TO_VARY = 16


def is_natural(load: Load) -> bool:
    """Whether lengths vary as in conversations: the mean is no whole number, or a percentile says so."""
    if load.output_tokens_p95 is not None or load.input_tokens_p95 is not None:
        return True
    fractional = load.input_tokens != int(load.input_tokens)
    return fractional and load.input_tokens < _NATURAL_LONGEST_PROMPT


def are_equal(load: Load) -> bool:
    """Whether all requests are drawn with the same lengths."""
    return not is_natural(load) and load.output_tokens <= _TOO_SHORT_TO_VARY


def prompt_lengths(load: Load, count: int) -> list[int]:
    """Prompt tokens of ``count`` requests."""
    if not is_natural(load):
        return [max(1, round(load.input_tokens))] * count
    shape = _shape(load.input_tokens, load.input_tokens_p95, _NATURAL_PROMPT_SHAPE)
    return _weibull(load.input_tokens, shape, count, 0.3)


def output_lengths(load: Load, count: int) -> list[int]:
    """Output tokens of ``count`` requests."""
    mean = max(load.output_tokens, 1.0)
    if is_natural(load):
        shape = _shape(mean, load.output_tokens_p95, _NATURAL_OUTPUT_SHAPE)
        return _weibull(mean, shape, count, 0.77)
    if are_equal(load):
        return [max(1, round(mean))] * count
    low, width = 1 - _SYNTHETIC_SPREAD, 2 * _SYNTHETIC_SPREAD
    return [max(1, round(mean * (low + width * ((i + 0.5) * _GOLDEN % 1.0)))) for i in range(count)]


def poisson_arrivals_ms(per_second: float, count: int) -> list[float]:
    """Arrival times with exponential gaps, scaled to the exact mean rate."""
    gaps = [-math.log(1 - (i + 0.5) * _SQRT2 % 1.0) for i in range(count)]
    scale = count / sum(gaps) * 1e3 / per_second
    times, now = [], 0.0
    for gap in gaps:
        now += gap * scale
        times.append(now)
    return times


def _weibull(mean: float, shape: float, count: int, phase: float) -> list[int]:
    quantiles = ((i + 0.5) * _GOLDEN + phase for i in range(count))
    draws = [(-math.log(1 - q % 1.0)) ** (1 / shape) for q in quantiles]
    scale = count / sum(draws)
    return [max(1, round(min(draw * scale, _NATURAL_CUT) * mean)) for draw in draws]


def _shape(mean: float, p95: float | None, natural: float) -> float:
    """Weibull shape whose 95th percentile over mean is the given one (bisection; 1 is exponential)."""
    if p95 is None:
        return natural
    low, high = 0.3, 20.0
    for _ in range(40):
        middle = (low + high) / 2
        ratio = math.log(20) ** (1 / middle) / math.gamma(1 + 1 / middle)
        low, high = (middle, high) if ratio > p95 / max(mean, 1e-9) else (low, middle)
    return (low + high) / 2


def output_variation(load: Load) -> float:
    """Coefficient of variation of the output lengths."""
    if are_equal(load):
        return 0.0
    if not is_natural(load):
        return _SYNTHETIC_SPREAD / math.sqrt(3)
    shape = _shape(max(load.output_tokens, 1.0), load.output_tokens_p95, _NATURAL_OUTPUT_SHAPE)
    first, second = math.gamma(1 + 1 / shape), math.gamma(1 + 2 / shape)
    return math.sqrt(second / first**2 - 1)
