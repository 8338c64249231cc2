"""What a pinned vLLM version and the exporters beside it export, from ``data/metrics.yaml``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from components.pins import DATA
from inferstack.errors import InputError, Problem
from inferstack.plain_yaml import read_yaml

PARTS: Final = ("_bucket", "_sum", "_count")
BUCKET: Final = "_bucket"
BOUND: Final = "le"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One name as Prometheus sees it; of a histogram only the parts can be queried."""

    name: str
    kind: str
    labels: frozenset[str]
    exporter: str
    only_with: str | None
    """What must be switched on for it to exist."""
    level: bool
    """A counter whose height is the news: remapped rows of a GPU."""

    def series(self) -> Iterator[tuple[str, frozenset[str]]]:
        """Names that can be queried, with their labels."""
        if self.kind != "histogram":
            yield self.name, self.labels
            return
        for part in PARTS:
            yield self.name + part, self.labels | ({BOUND} if part == BUCKET else set())


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """What may be queried. ``buckets`` are the default bounds in seconds by family."""

    known: tuple[Metric, ...]
    gone: Mapping[str, str]
    """Names this version lacks and other releases have: what is known about them."""
    scraped: frozenset[str]
    """Labels that scraping adds to everything."""
    buckets: tuple[tuple[str, tuple[float, ...]], ...]

    @property
    def series(self) -> dict[str, frozenset[str]]:
        """Labels by queryable name."""
        return {name: labels for metric in self.known for name, labels in metric.series()}

    @property
    def histograms(self) -> frozenset[str]:
        return frozenset(metric.name for metric in self.known if metric.kind == "histogram")

    @property
    def counters(self) -> frozenset[str]:
        """Series that only grow: a query takes their rate or increase."""
        plain = {metric.name for metric in self.known if metric.kind == "counter" and not metric.level}
        return frozenset(plain | {name + part for name in self.histograms for part in PARTS})

    def exported(self, name: str) -> bool:
        return name in self.series

    def bounds(self, family: str, *objectives_s: float) -> list[float]:
        """The family's bounds with the objectives among them: only a bound can be counted against."""
        return sorted({*dict(self.buckets)[family], *objectives_s})


@cache
def load_metrics(vllm_version: str) -> Metrics:
    """InputError when the names of this release were never read."""
    table = read_yaml(DATA / "metrics.yaml")
    vllm = table["vllm"]
    if vllm_version not in vllm["read"]:
        raise InputError(
            Problem(
                message="no metric names are recorded for this vLLM version",
                value=vllm_version,
                accepted=", ".join(vllm["read"]),
            )
        )
    here = {name for name, entry in vllm["metrics"].items() if _present(entry, vllm_version)}
    groups = {"vllm": vllm, **table["exporters"]}
    return Metrics(
        known=tuple(
            _metric(name, entry, group, groups[group]["labels"])
            for group in groups
            for name, entry in groups[group]["metrics"].items()
            if group != "vllm" or name in here
        ),
        gone={
            name: _history(entry, vllm_version) for name, entry in vllm["metrics"].items() if name not in here
        },
        scraped=frozenset(table["scraped"]["labels"]),
        buckets=tuple(
            (family, tuple(bounds)) for family, bounds in sorted(vllm["buckets"]["families"].items())
        ),
    )


def _metric(name: str, entry: Mapping[str, Any], exporter: str, shared: list[str]) -> Metric:
    return Metric(
        name=name,
        kind=entry["type"],
        labels=frozenset(entry.get("labels", shared)),
        exporter=exporter,
        only_with=entry.get("only_with"),
        level=entry.get("level", False),
    )


def _present(entry: Mapping[str, Any], version: str) -> bool:
    since, removed = entry.get("since"), entry.get("removed")
    return (since is None or _order(since) <= _order(version)) and (
        removed is None or _order(version) < _order(removed)
    )


def _history(entry: Mapping[str, Any], version: str) -> str:
    if (removed := entry.get("removed")) and _order(removed) <= _order(version):
        successor = f"; use {entry['use']}" if "use" in entry else ""
        return f"gone in {removed}{successor}"
    return f"new in {entry['since']}"


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
