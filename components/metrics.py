"""Names and histogram bounds of the metrics a pinned vLLM version exports, from ``data/metrics.yaml``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import yaml

from components.pins import DATA
from inferstack.errors import InputError, Problem

NAME = re.compile(r"vllm:[a-z0-9_]+|DCGM_[A-Z0-9_]+|kube_[a-z0-9_]+|\bup\b(?=[{=])")
SUFFIXES = ("_bucket", "_sum", "_count")


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """What may be queried. ``buckets`` are the default bounds in seconds by family."""

    plain: frozenset[str]
    histograms: frozenset[str]
    buckets: tuple[tuple[str, tuple[float, ...]], ...]

    def unknown(self, text: str) -> tuple[str, ...]:
        """Metric names in a text (a query, a dashboard) that nothing exports, sorted."""
        return tuple(sorted({name for name in NAME.findall(text) if not self.exported(name)}))

    def exported(self, name: str) -> bool:
        if name in self.plain:
            return True
        return any(name.endswith(end) and name.removesuffix(end) in self.histograms for end in SUFFIXES)

    def bounds(self, family: str, *objectives_s: float) -> list[float]:
        """The family's bounds with the objectives among them: only a bound can be counted against."""
        return sorted({*dict(self.buckets)[family], *objectives_s})


@cache
def load_metrics(vllm_version: str) -> Metrics:
    table = yaml.safe_load((DATA / "metrics.yaml").read_text(encoding="utf-8"))
    versions = table["vllm"]
    if vllm_version not in versions:
        raise InputError(
            Problem(
                message="no metric names are recorded for this vLLM version",
                value=vllm_version,
                accepted=", ".join(sorted(versions)),
            )
        )
    vllm = versions[vllm_version]
    shared = [*table["dcgm"]["names"], *table["kubernetes"]["names"]]
    return Metrics(
        plain=frozenset([*vllm["gauges"], *vllm["counters"], *shared]),
        histograms=frozenset(vllm["histograms"]),
        buckets=tuple((family, tuple(bounds)) for family, bounds in sorted(vllm["buckets"].items())),
    )
