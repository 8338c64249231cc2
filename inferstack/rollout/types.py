"""What is known of a rollout, and what is said about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inferstack.spec.derive import Limits


class Verdict(StrEnum):
    ADVANCE = "advance"
    HOLD = "hold"
    ABORT = "abort"
    FINISHED = "finished"


class Status(StrEnum):
    KEPT = "kept"
    BROKEN = "broken"
    UNPROVEN = "unproven"
    """Too few requests to say."""
    WORSE = "worse"
    """Within the limit, and clearly worse than the old version."""
    UNKNOWN = "unknown"
    """Nothing was measured; never a pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A new version and what it takes over from, as the files say."""

    workload: str
    replaces: str
    file: Path
    strategy: str
    steps: tuple[int, ...]
    """Percent, rising to 100."""
    traffic: int
    limits: Limits
    old_answers_to: tuple[str, ...] = ()
    new_answers_to: tuple[str, ...] = ()

    @property
    def following(self) -> int | None:
        """The next step; None at the last."""
        return next((step for step in self.steps if step > self.traffic), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What the gateways send to the new version: all of them alike, and since when."""

    percent: float
    seconds: float
    """How long it has been so, without a gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Requests that broke a limit, of how many."""

    broken: int
    requests: int
    p95_ms: float | None = None

    @property
    def share(self) -> float:
        return self.broken / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit: ``share`` of the requests at most may break it."""

    name: str
    """``errors``, ``ttft`` or ``itl``."""
    share: float
    bound_ms: float | None = None
    """What a request must take longer than to break it; None: it must fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One limit against what was measured over ``window_s``."""

    limit: Limit
    status: Status
    window_s: int
    new: Sample | None
    old: Sample | None
    needed: int | None = None
    """Requests that would prove it kept, at this share of failures; None: no number would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Everything one decision rests on."""

    live: Live | None
    """None: no gateway says what it sends."""
    recent: tuple[Judged, ...] = ()
    """Over the last step's time, or since the step began."""
    whole: tuple[Judged, ...] = ()
    """Since the step began."""
    servers: tuple[int, int] | None = None
    """Of the new version: how many answer, of how many; None: none is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict on one new version. ``to`` is the percentage that follows from it; None: no change."""

    pair: Pair
    verdict: Verdict
    reasons: tuple[str, ...]
    measured: Measured
    to: int | None = None
    against: bool = False
    """Something speaks against the version, or the files and the gateways disagree."""
    unknown: bool = False
    """What must be known was not measured."""
