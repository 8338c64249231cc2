"""The verdict on a new version: advance, hold, abort or finished, each with its reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from inferstack.rollout import chance
from inferstack.rollout.text import counted, share, told
from inferstack.rollout.types import Decision, Judged, Limit, Measured, Pair, Sample, Status, Verdict
from inferstack.units import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL: Final = 100
CLOSE: Final = 0.5
"""Percentage points by which a weight may differ from the file's: rounding."""


def judged(
    limit: Limit, window_s: int, new: Sample | None, old: Sample | None, *, both: bool = False
) -> Judged:
    """One limit against what was measured; ``both``: a verdict needs the old version beside the new one."""
    if new is None or (both and old is None):
        return Judged(limit=limit, status=Status.UNKNOWN, window_s=window_s, new=new, old=old)
    enough = chance.needed(new.share, limit.share)
    return Judged(
        limit=limit, status=_status(limit, new, old), window_s=window_s, new=new, old=old, needed=enough
    )


def _status(limit: Limit, new: Sample, old: Sample | None) -> Status:
    if chance.exceeded(new.broken, new.requests, limit.share):
        return Status.BROKEN
    if not chance.kept(new.broken, new.requests, limit.share):
        return Status.UNPROVEN
    if old is not None and chance.worse((new.broken, new.requests), (old.broken, old.requests)):
        return Status.WORSE
    return Status.KEPT


def decide(pair: Pair, measured: Measured, *, start: bool = False) -> Decision:
    """What to do now. Nothing that is not known is taken as good."""

    def said(verdict: Verdict, *reasons: str, to: int | None = None, **flags: bool) -> Decision:
        return Decision(pair=pair, verdict=verdict, reasons=reasons, measured=measured, to=to, **flags)

    live = measured.live
    if live is None:
        return said(Verdict.HOLD, "no gateway tells what it sends: no metrics, no verdict", unknown=True)
    broken = tuple(_broken(measured)) if live.percent > 0 else ()
    if broken and pair.traffic > 0:
        return said(Verdict.ABORT, *broken, to=0, against=True)
    if abs(live.percent - pair.traffic) > CLOSE:
        deploy = "deploy the file first (`inferstack up`)"
        reason = f"the file says {pair.traffic} %, the gateways send {live.percent:g} %: {deploy}"
        return said(Verdict.HOLD, reason, against=pair.traffic == 0)
    if pair.traffic == 0:
        return _not_begun(pair, measured, start=start)
    waiting = tuple(_waiting(pair, measured))
    if waiting:
        statuses = {item.status for item in (*measured.recent, *measured.whole)}
        young = live.seconds < pair.limits.step_s
        unknown = Status.UNKNOWN in statuses or not (measured.recent or young)
        return said(Verdict.HOLD, *waiting, unknown=unknown, against=Status.WORSE in statuses)
    kept = f"every limit kept for {duration(live.seconds)}"
    if pair.following is None:
        return said(Verdict.FINISHED, kept)
    return said(Verdict.ADVANCE, kept, to=pair.following)


def _not_begun(pair: Pair, measured: Measured, *, start: bool) -> Decision:
    """A rollout that was aborted looks the same: only a person begins, again or for the first time."""
    up, of = measured.servers or (0, 0)
    first = pair.steps[0]
    verdict, to, unknown = Verdict.HOLD, None, False
    if not of or up < of:
        reason = f"{up} of {of} servers answer" if of else "none of its servers is known to Prometheus"
        unknown = not of
    elif start:
        verdict, to, reason = Verdict.ADVANCE, first, f"all {of} servers answer"
    else:
        reason = f"all {of} servers answer; `--start` gives it the first {first} %"
    return Decision(pair=pair, verdict=verdict, reasons=(reason,), measured=measured, to=to, unknown=unknown)


def _broken(measured: Measured) -> Iterator[str]:
    """Of the two windows the later one speaks: it shows what is happening."""
    seen: set[str] = set()
    for item in (*measured.recent, *measured.whole):
        if item.status is Status.BROKEN and item.new is not None and item.limit.name not in seen:
            seen.add(item.limit.name)
            also = item.old is not None and chance.exceeded(
                item.old.broken, item.old.requests, item.limit.share
            )
            note = "; the old version breaks it too" if also else ""
            yield f"{told(item.limit)}: {counted(item.limit, item.new)} in {duration(item.window_s)}{note}"


def _waiting(pair: Pair, measured: Measured) -> Iterator[str]:
    live = measured.live
    assert live is not None, "decided before"
    if live.seconds < pair.limits.step_s:
        yield (
            f"{pair.traffic} % since {duration(live.seconds)}; a step is watched for"
            f" {duration(pair.limits.step_s)}"
        )
        if not measured.recent:
            return
    if not measured.whole:
        yield "nothing is measured yet"
    silent = [item for item in (*measured.recent, *measured.whole) if item.status is Status.UNKNOWN]
    for limit in dict.fromkeys(item.limit for item in silent):
        yield f"{told(limit)}: not measured, so not kept"
    for item in measured.whole:
        if item.status is Status.UNPROVEN:
            yield _unproven(item, live.seconds)
        elif item.status is Status.WORSE and item.new is not None and item.old is not None:
            yield (
                f"{told(item.limit)}: kept, but {share(item.new.share)} is at least twice the old version's"
                f" {share(item.old.share)}; go on by hand if that is meant"
            )


def _unproven(item: Judged, seconds: float) -> str:
    assert item.new is not None, "what was not measured is unknown"
    new, text = item.new, f"{told(item.limit)}: {counted(item.limit, item.new)}"
    possible = share(chance.upper(new.broken, new.requests))
    if item.needed is None:
        return f"{text}: not under the limit, and not above it beyond chance"
    if new.requests == 0:
        return f"{text}; {item.needed:,} without one are needed to judge {share(item.limit.share)}"
    left_s = seconds * (item.needed / new.requests - 1)
    return (
        f"{text}: {possible} is still possible (95 % sure); about {item.needed:,} requests at this rate of"
        f" failures prove it, {duration(left_s)} more at this traffic"
    )
