"""Verdicts in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from inferstack.rollout.types import Limit, Sample, Verdict
from inferstack.units import duration

if TYPE_CHECKING:
    from inferstack.rollout.types import Decision, Judged, Pair

LABELS: Final = {"errors": "errors", "ttft": "TTFT p95", "itl": "ITL p95"}
COLOURS: Final = {"advance": "green", "finished": "green", "hold": "yellow", "abort": "red"}


def share(value: float) -> str:
    """A percentage of three digits at most."""
    return f"{100 * value:.3g} %"


def told(limit: Limit) -> str:
    """``errors above 2 %``, ``TTFT p95 above 1.5 s``."""
    bound = share(limit.share) if limit.bound_ms is None else duration(limit.bound_ms / 1000)
    return f"{LABELS[limit.name]}, limit {bound}"


def counted(limit: Limit, sample: Sample) -> str:
    verb = "failed" if limit.bound_ms is None else "were slower"
    return f"{sample.broken:,} of {sample.requests:,} requests {verb} ({share(sample.share)})"


def lines(decision: Decision) -> Iterator[tuple[str | None, str]]:
    """Colour and text, one a line."""
    pair, measured = decision.pair, decision.measured
    yield None, f"{pair.workload} takes over from {pair.replaces} ({pair.strategy}), {_position(pair)}"
    if measured.live is not None and measured.live.percent:
        yield None, f"  live: {measured.live.percent:g} % for {duration(measured.live.seconds)}"
    rows = list(measured.whole or measured.recent)
    if rows:
        yield None, f"  {'':<10}{'limit':>9}{'new':>24}{'old':>24}"
        for item in rows:
            yield None, _row(item)
    yield COLOURS[decision.verdict], f"  {_headline(decision)}"
    for reason in decision.reasons:
        yield None, f"    {reason}"
    if decision.verdict is Verdict.FINISHED:
        yield from ((None, f"    {line}") for line in ending(pair))


def _position(pair: Pair) -> str:
    steps = " ".join(f"[{step}]" if step == pair.traffic else str(step) for step in (0, *pair.steps))
    return f"steps {steps}"


def _headline(decision: Decision) -> str:
    if decision.to is not None:
        return f"{decision.verdict}: {decision.pair.traffic} % -> {decision.to} %"
    return str(decision.verdict)


def _row(item: Judged) -> str:
    limit = item.limit
    bound = share(limit.share) if limit.bound_ms is None else duration(limit.bound_ms / 1000)
    cells = [_cell(limit, sample) for sample in (item.new, item.old)]
    cells[1] = "-" if item.old is None else cells[1]
    return (
        f"  {LABELS[limit.name]:<10}{bound:>9}"
        + "".join(f"{cell:>24}" for cell in cells)
        + f"  {item.status}"
    )


def _cell(limit: Limit, sample: Sample | None) -> str:
    if sample is None:
        return "not measured"
    if limit.bound_ms is None:
        return f"{share(sample.share)} of {sample.requests:,}"
    value = "-" if sample.p95_ms is None else duration(sample.p95_ms / 1000)
    return f"{value}, {share(sample.share)} over"


def ending(pair: Pair) -> tuple[str, ...]:
    """What is left to do when all callers are at the new version."""
    names = ", ".join((*pair.new_answers_to, *pair.old_answers_to, pair.replaces))
    return (
        f"remove the file of {pair.replaces}",
        f"{pair.file.name}: `answersTo: [{names}]` in place of `rollout.replaces` and `rollout.traffic`",
        "then `inferstack up`: callers stay where they are, only the old servers go",
    )
