"""Units: parsing what users write (`1s`, `60ms`, `2%`) and printing what they read."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

GIB: Final = 1024**3
MIB: Final = 1024**2
HOURS_PER_MONTH: Final = Decimal(730)
"""The cloud-billing month: 8,760 hours / 12."""
SECONDS_PER_DAY: Final = 86_400
CENT: Final = Decimal("0.01")

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def parse_duration_s(text: str) -> float:
    """Seconds in ``"1s"``, ``"60ms"``, ``"15d"``; ValueError when it is none of these."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a duration: {text!r}")
    return float(match[1]) * _SECONDS[match[2]]


def parse_percent(text: str) -> float:
    """The fraction in ``"2%"`` (0.02); ValueError otherwise."""
    match = _PERCENT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a percentage: {text!r}")
    return float(match[1]) / 100.0


def to_cents(amount: Decimal) -> Decimal:
    """Money rounded half up to the cent; only for totals that are shown, never in between."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def usd(amount: Decimal, *, cents: bool = True) -> str:
    """``$1,234.56`` (or ``$1,235``); negative amounts as ``-$1.00``."""
    rounded = to_cents(amount) if cents else amount.quantize(Decimal(1), rounding=ROUND_HALF_UP)
    sign = "-" if rounded < 0 else ""
    return f"{sign}${abs(rounded):,}"


def duration(seconds: float) -> str:
    """A duration for people: ``41 ms``, ``0.71 s``, ``4.2 min``."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.2f} s"
    return f"{seconds / 60:.1f} min"
