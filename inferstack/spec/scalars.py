"""What an unquoted YAML scalar means, and where two YAML readers would disagree about it.

The meaning is YAML 1.2's core schema. What YAML 1.1 reads otherwise (`yes`, `012`, `12:30`, `1_000`, dates)
is reported, whatever the field: the same file must mean the same to every tool that reads it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

MAX_DIGITS: Final = 18

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Trap:
    """A spelling that YAML readers disagree about."""

    pattern: re.Pattern[str]
    message: str
    accepted: str


_TRAPS: Final = (
    Trap(
        re.compile(r"yes|no|on|off|y|n", re.IGNORECASE),
        "some YAML readers take this for a boolean, others for text",
        "true or false for a boolean; quotes around text",
    ),
    Trap(
        re.compile(r"[-+]?0[0-9_]+"),
        "a leading zero: some YAML readers take this for octal",
        "no leading zero for a number; quotes around text",
    ),
    Trap(
        re.compile(r"[-+]?0[xX][0-9a-fA-F_]+|[-+]?0[oO][0-7_]+|[-+]?0[bB][01_]+"),
        "a hexadecimal, octal or binary number to some YAML readers",
        "a decimal number; quotes around text",
    ),
    Trap(
        re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?"),
        "underscores: a number to some YAML readers, text to others",
        "digits only for a number; quotes around text",
    ),
    Trap(
        re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?"),
        "some YAML readers take this for a number in base 60",
        "a duration such as 30m, or quotes around text",
    ),
    Trap(
        re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?"),
        "some YAML readers take this for a date",
        "quotes around text",
    ),
    Trap(
        re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
        "not a finite number",
        "a finite number; quotes around text",
    ),
)


def resolve(text: str) -> tuple[bool | int | float | str | None, Trap | None]:
    """The value of a plain (unquoted) scalar, and the trap it stands in, if any."""
    if text in _NULL:
        return None, None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE, None
    for trap in _TRAPS:
        if trap.pattern.fullmatch(text):
            return text, trap
    if _FLOAT.fullmatch(text):
        return _number(text)
    return text, None


def _number(text: str) -> tuple[int | float | str, Trap | None]:
    if _INT.fullmatch(text) and len(text.lstrip("+-")) <= MAX_DIGITS:
        return int(text), None
    value = float(text)
    if _INT.fullmatch(text) or not math.isfinite(value):
        return text, _TOO_LARGE
    return value, None


_TOO_LARGE: Final = Trap(
    re.compile("(?!)"), "a number too large to be meant", f"at most {MAX_DIGITS} digits; quotes around text"
)
