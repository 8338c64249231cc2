"""Names people type: forgiving comparison and "did you mean"."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_VENDOR = re.compile(r"nvidia|geforce|tesla|graphics|\bgpu\b", re.IGNORECASE)
_WORD = re.compile(r"\d+(?:\.\d+)*[a-z]*|[a-z]+")
_SOCKET = re.compile(r"\bsxm\d\b", re.IGNORECASE)


def normalise(name: str) -> str:
    """``name`` in lower case without punctuation: ``RTX PRO 6000`` and ``rtx-pro-6000`` become one."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def gpu_key(name: str) -> str:
    """A GPU name for comparison: vendor words dropped, ``SXM5`` as ``SXM``, punctuation and case gone."""
    words = _SOCKET.sub("sxm", _VENDOR.sub(" ", name.replace("_", " ").replace("-", " ")))
    return normalise(words)


def nearest(name: str, candidates: Iterable[str], *, count: int = 3) -> tuple[str, ...]:
    """Up to ``count`` candidates that look like ``name``, the most alike first; empty when none does.

    Compared without case and punctuation, by letters and by words, so that ``Llama 3.3 70B`` finds
    ``meta-llama/Llama-3.3-70B-Instruct``; the organisation before a slash counts only when it was typed.
    """
    scored: list[tuple[float, str]] = []
    for candidate in candidates:
        shown = candidate if "/" in name else candidate.rpartition("/")[2]
        score = max(_letters(name, shown), _words(name, shown))
        if score >= 0.6:
            scored.append((-score, candidate))
    return tuple(candidate for _, candidate in sorted(scored)[:count])


def _letters(wanted: str, candidate: str) -> float:
    a, b = normalise(wanted), normalise(candidate)
    if not a or not b:
        return 0.0
    matcher = difflib.SequenceMatcher(None, a, b)
    if matcher.real_quick_ratio() < 0.6 or matcher.quick_ratio() < 0.6:
        return 0.0
    return matcher.ratio()


def _words(wanted: str, candidate: str) -> float:
    """0.6 to 1 when most words of ``wanted`` are words of ``candidate``, less for each word left over."""
    asked, offered = _split(wanted), _split(candidate)
    if not asked:
        return 0.0
    share = len(asked & offered) / len(asked)
    extra = len(offered - asked)
    return 0.5 + 0.5 * share - 0.02 * extra if share >= 0.6 else 0.0


def _split(name: str) -> frozenset[str]:
    return frozenset(_WORD.findall(name.casefold().replace("+", " plus ")))


def or_list(names: Iterable[str]) -> str | None:
    """``a, b or c`` for an error message; None when there is nothing to offer."""
    found = list(names)
    if len(found) < 2:
        return found[0] if found else None
    return f"{', '.join(found[:-1])} or {found[-1]}"
