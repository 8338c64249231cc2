"""Names people type: forgiving comparison and "did you mean"."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_VENDOR = re.compile(r"nvidia|geforce|tesla|graphics|\bgpu\b", re.IGNORECASE)
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

    Compared without case and punctuation. A candidate of the form ``org/model`` is also compared by its
    model part alone, so ``Llama 3.3 70B`` finds ``meta-llama/Llama-3.3-70B-Instruct``.
    """
    wanted = normalise(name)
    wanted_tail = normalise(name.rpartition("/")[2])
    scored: list[tuple[float, str]] = []
    for candidate in candidates:
        score = _likeness(wanted, normalise(candidate))
        if "/" in candidate:
            score = max(score, _likeness(wanted_tail, normalise(candidate.rpartition("/")[2])))
        if score >= 0.6:
            scored.append((-score, candidate))
    return tuple(candidate for _, candidate in sorted(scored)[:count])


def _likeness(wanted: str, candidate: str) -> float:
    if not wanted or not candidate:
        return 0.0
    ratio = difflib.SequenceMatcher(None, wanted, candidate).ratio()
    prefix = candidate.startswith(wanted) or wanted.startswith(candidate)
    return max(ratio, 0.9 if prefix and min(len(wanted), len(candidate)) >= 3 else 0.0)


def or_list(names: Iterable[str]) -> str | None:
    """``a, b or c`` for an error message; None when there is nothing to offer."""
    found = list(names)
    if len(found) < 2:
        return found[0] if found else None
    return f"{', '.join(found[:-1])} or {found[-1]}"
