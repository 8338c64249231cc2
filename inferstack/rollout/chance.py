"""What a count proves: exact binomial tails, so that few requests never pass for a good share.

A share of requests breaks a limit or does not. A limit is proven kept when, were the true share at the limit,
so few failures would be seen in 5 of 100 cases at most (Clopper and Pearson, 1934); proven broken likewise.
"""

from __future__ import annotations

from math import exp, floor, lgamma, log, log1p
from typing import Final

DOUBT: Final = 0.05
"""One-sided: how often a verdict may be wrong when the truth lies at the limit."""
FEWEST: Final = 20
"""Requests below which nothing is proven broken: two of two is bad luck as often as a bad version."""
FEWEST_BROKEN: Final = 3
_TINY: Final = 1e-300
_PRECISE: Final = 1e-14
_TERMS: Final = 100_000
_MOST: Final = 1 << 40
"""Requests beyond which nobody waits."""


def at_most(broken: int, requests: int, share: float) -> float:
    """Chance of so few or fewer among ``requests`` when each breaks with ``share``."""
    if broken >= requests:
        return 1.0
    return _incomplete_beta(requests - broken, broken + 1, 1 - share)


def at_least(broken: int, requests: int, share: float) -> float:
    """Chance of so many or more."""
    return 1.0 if broken <= 0 else _incomplete_beta(broken, requests - broken + 1, share)


def kept(broken: int, requests: int, limit: float) -> bool:
    """The true share is below the limit, beyond doubt."""
    return requests > 0 and at_most(broken, requests, limit) <= DOUBT


def exceeded(broken: int, requests: int, limit: float) -> bool:
    """The true share is above the limit, beyond doubt."""
    if requests < FEWEST or broken < FEWEST_BROKEN or broken / requests < limit:
        return False
    return at_least(broken, requests, limit) <= DOUBT


def upper(broken: int, requests: int) -> float:
    """The largest share that what was seen does not rule out."""
    low, high = broken / max(1, requests), 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if at_most(broken, requests, middle) > DOUBT else (low, middle)
    return high


def worse(new: tuple[int, int], old: tuple[int, int]) -> bool:
    """Whether of two (broken, requests) the new share is twice the old one or more, beyond doubt."""
    (broken, requests), (before, of) = new, old
    if not requests or not of or broken < FEWEST_BROKEN or requests < FEWEST:
        return False
    return broken / requests >= 2 * before / of and exceeded(broken, requests, max(upper(before, of), _TINY))


def needed(share: float, limit: float) -> int | None:
    """Fewest requests that would prove the limit kept at this share of failures; None: no number does."""
    if share >= limit:
        return None
    enough = 1
    while not kept(floor(share * enough), enough, limit):
        enough *= 2
        if enough > _MOST:
            return None
    low = enough // 2
    while enough - low > 1:
        middle = (low + enough) // 2
        low, enough = (low, middle) if kept(floor(share * middle), middle, limit) else (middle, enough)
    return enough


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularized incomplete beta function, by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # beyond, the fraction of the mirrored function is the quick one
        return 1 - _incomplete_beta(b, a, 1 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    return front * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    """By Lentz's method."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away(1 + term * d)
            c = _away(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _PRECISE:
            break
    return value


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
