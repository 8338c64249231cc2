"""Predictions of every measured run by constants that were fitted without its GPU and model."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.accuracy.fit_performance import LABELS, OUT, SEEN, Linearised, Workers, cross_validated, vector_of
from tests.accuracy.serving import Case, cases


@dataclass(frozen=True, kw_only=True)
class Point:
    """One measured number beside its prediction (same unit)."""

    case: Case
    name: str
    measured: float
    predicted: float

    @property
    def error(self) -> float:
        """Relative error of the prediction; +0.1 is 10 % too high."""
        return self.predicted / self.measured - 1

    @property
    def regime(self) -> str:
        return "saturation" if self.case.saturated else "below saturation"


def held_out_points() -> tuple[Point, ...]:
    """vLLM runs only: other engines help the fit and are not what is predicted."""
    document = json.loads(OUT.read_text(encoding="utf-8"))
    x = vector_of(document["constants"])
    workers = Workers()
    at = Linearised(x, *workers.linearised(x))
    held_out = cross_validated(workers, at, LABELS["one_gpu_and_model_left_out"])
    return tuple(
        Point(
            case=cases()[seen.case],
            name=seen.name,
            measured=seen.value,
            predicted=seen.value * math.exp(-residual),
        )
        for seen, residual in zip(SEEN, held_out, strict=True)
        if cases()[seen.case].is_vllm
    )


def median_error(points: Sequence[Point]) -> float:
    return float(np.median([abs(point.error) for point in points]))


def worst_tenth(points: Sequence[Point]) -> float:
    """90th percentile of the absolute error."""
    return float(np.quantile([abs(point.error) for point in points], 0.9))


def bias(points: Sequence[Point]) -> float:
    return float(np.median([point.error for point in points]))


def inside_range(points: Sequence[Point]) -> float:
    """Share of the measured values inside the range that a prediction of that basis and load states."""
    table = json.loads(OUT.read_text(encoding="utf-8"))["errors"]["interpolated"]
    inside = 0
    for point in points:
        low, high = table[point.case.kind][point.name]
        inside += low <= math.log(point.measured / point.predicted) <= high
    return inside / len(points)
