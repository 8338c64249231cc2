"""What is asked of a model at peak, and whether a prediction meets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from inferstack.sizing.types import Fit, Load, Prediction

UTILIZATION_CEILING: Final = 0.85
"""Peak load over saturated load of the serving replicas; above it queues grow faster than predictions hold.

Judgement: llm-d Planner sizes for 1 / 1.2 = 83 %; AWS's own load test shows p95 doubling near saturation.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Service levels in ms at the 95th percentile; None: not asked for."""

    ttft_ms: float | None = None
    itl_ms: float | None = None
    e2e_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Peak traffic of one workload. Token counts are per request; p95 at or above the mean."""

    peak_requests_per_second: float
    requests_per_day: float
    input_tokens: float
    input_tokens_p95: float
    output_tokens: float
    output_tokens_p95: float
    shared_prefix: float = 0.0
    concurrency: int | None = None
    """Requests in flight at peak, where the user knows it."""
    targets: Targets = Targets()

    def load(self, *, share: float = 1.0) -> Load:
        """The open-loop load of ``share`` of the peak."""
        return Load(
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            request_rate=self.peak_requests_per_second * share,
            shared_prefix=self.shared_prefix,
            input_tokens_p95=self.input_tokens_p95,
            output_tokens_p95=self.output_tokens_p95,
        )

    def saturating_load(self) -> Load:
        """The same requests, as fast as the engine takes them."""
        return Load(
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            request_rate=float("inf"),
            shared_prefix=self.shared_prefix,
            input_tokens_p95=self.input_tokens_p95,
            output_tokens_p95=self.output_tokens_p95,
        )

    @property
    def tokens_per_day(self) -> float:
        return self.requests_per_day * (self.input_tokens + self.output_tokens)

    @property
    def long_request_tokens(self) -> float:
        """Tokens that a request at the 95th percentile keeps in the KV cache."""
        return self.input_tokens_p95 + self.output_tokens_p95


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A service level that is not met: how far off (1.4 means 40 % over) and in words."""

    factor: float
    reason: str


def shortfall(demand: Demand, prediction: Prediction, fit: Fit, replicas: int) -> Shortfall | None:
    """The worst miss of ``prediction`` against the targets, the ceiling and the KV cache; None: all met."""
    misses = [miss for miss in _misses(demand, prediction, fit, replicas) if miss.factor > 1.0]
    return max(misses, key=lambda miss: miss.factor, default=None)


def _misses(demand: Demand, prediction: Prediction, fit: Fit, replicas: int) -> list[Shortfall]:
    found = [
        Shortfall(
            prediction.utilization / UTILIZATION_CEILING,
            f"{_percent(prediction.utilization)} of capacity in use at peak"
            f" (ceiling {_percent(UTILIZATION_CEILING)})",
        )
    ]
    for use in level_uses(demand, prediction):
        words = f"{use.name} p95 {milliseconds(use.p95_ms)} > {milliseconds(use.target_ms)}"
        found.append(Shortfall(use.p95_ms / use.target_ms, words))
    return [*found, _kv_shortfall(demand, prediction, fit, replicas)]


def _kv_shortfall(demand: Demand, prediction: Prediction, fit: Fit, replicas: int) -> Shortfall:
    """Requests in flight, all as long as the 95th percentile, against the KV cache of a replica."""
    asked = demand.concurrency / replicas if demand.concurrency is not None else 0.0
    running = max(prediction.concurrency, asked)
    if fit.kv_cache_tokens <= 0 or running <= 1:
        return Shortfall(0.0, "")
    needed = running * demand.long_request_tokens
    return Shortfall(
        needed / fit.server_kv_cache_tokens,
        f"{running:.0f} requests in flight at p95 length need {needed:,.0f} KV tokens,"
        f" a replica has {fit.server_kv_cache_tokens:,}",
    )


@dataclass(frozen=True, slots=True)
class LevelUse:
    """A service level and what is predicted for it: at the estimate, and at the far end of its 80 % range."""

    name: str
    target_ms: float
    p95_ms: float
    worst_p95_ms: float


def level_uses(demand: Demand, prediction: Prediction) -> tuple[LevelUse, ...]:
    """Every level that is asked for; a prediction without a range counts as exact."""
    targets = demand.targets
    found = []
    for name, field, seen, target in (
        ("TTFT", "ttft_ms", prediction.ttft_ms, targets.ttft_ms),
        ("ITL", "tpot_ms", prediction.tpot_ms, targets.itl_ms),
        ("end-to-end", "e2e_ms", prediction.e2e_ms, targets.e2e_ms),
    ):
        if target is None:
            continue
        interval = prediction.range.get(field)
        stretch = interval.high / seen.mean if interval is not None and seen.mean > 0 else 1.0
        found.append(LevelUse(name, target, seen.p95, seen.p95 * max(stretch, 1.0)))
    return tuple(found)


def milliseconds(value: float) -> str:
    """``41 ms`` below a second, else ``1.25 s``."""
    return f"{value:.0f} ms" if value < 999.5 else f"{value / 1000:.2f} s"


def _percent(share: float) -> str:
    return f"{min(share, 99.99) * 100:.0f} %"
