"""Go durations (``1h30m``, ``45m``), as resource timeouts are written, and the seconds a preview prints."""

from __future__ import annotations

import re
from typing import Final

from inferstack.errors import InputError

_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")


def seconds_of(text: str) -> float:
    """Seconds in a Go duration; InputError when it is none."""
    if not text or _PART.sub("", text):
        raise InputError(f"not a duration: {text!r}; accepted: 45m, 1h30m, 90s")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def duration_of(seconds: float) -> str:
    """The shortest Go duration of whole hours, minutes and seconds: ``2700`` is ``45m``."""
    whole = round(seconds)
    parts = ((whole // 3600, "h"), (whole % 3600 // 60, "m"), (whole % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def canonical_duration(text: str) -> str:
    return duration_of(seconds_of(text))
