"""Binomial tails against sums by hand, and what they decide."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inferstack.rollout import chance


def by_hand(broken: int, requests: int, share: float) -> float:
    return sum(comb(requests, k) * share**k * (1 - share) ** (requests - k) for k in range(broken + 1))


@given(st.integers(1, 300), st.floats(0.001, 0.999), st.data())
def test_tails_are_the_sums(requests: int, share: float, data: st.DataObject) -> None:
    broken = data.draw(st.integers(0, requests))
    below = by_hand(broken - 1, requests, share) if broken else 0.0
    assert chance.at_most(broken, requests, share) == pytest.approx(
        by_hand(broken, requests, share), abs=1e-9
    )
    assert chance.at_least(broken, requests, share) == pytest.approx(1 - below, abs=1e-9)


@given(st.integers(1, 5000), st.floats(0.0005, 0.5), st.data())
def test_nothing_is_proven_both_ways(requests: int, limit: float, data: st.DataObject) -> None:
    broken = data.draw(st.integers(0, requests))
    assert not (chance.kept(broken, requests, limit) and chance.exceeded(broken, requests, limit))
    if chance.kept(broken, requests, limit):
        assert broken / requests < limit
    if chance.exceeded(broken, requests, limit):
        assert broken / requests > limit


@given(st.integers(1, 2000), st.data())
def test_the_upper_bound_is_what_is_not_ruled_out(requests: int, data: st.DataObject) -> None:
    broken = data.draw(st.integers(0, requests - 1))
    bound = chance.upper(broken, requests)
    assert broken / requests < bound <= 1
    assert chance.at_most(broken, requests, bound) == pytest.approx(chance.DOUBT, abs=1e-6)


@pytest.mark.parametrize(("limit", "requests"), [(0.02, 149), (0.01, 299), (0.05, 59), (0.001, 2995)])
def test_without_a_failure_so_many_are_needed(limit: float, requests: int) -> None:
    """ln(0.05) / ln(1 - limit), rounded up."""
    assert chance.needed(0.0, limit) == requests
    assert chance.kept(0, requests, limit)
    assert not chance.kept(0, requests - 1, limit)


@given(st.floats(0.0, 0.02), st.floats(0.01, 0.2))
def test_what_is_said_to_be_needed_is_enough(share: float, limit: float) -> None:
    assume(share < 0.8 * limit)
    requests = chance.needed(share, limit)
    assert requests is not None
    assert chance.kept(int(share * requests), requests, limit)


def test_no_number_proves_a_share_at_the_limit() -> None:
    assert chance.needed(0.02, 0.02) is None
    assert chance.needed(1.0, 0.02) is None


@pytest.mark.parametrize(("broken", "requests"), [(2, 2), (2, 1000), (19, 19), (3, 150)])
def test_a_few_failures_prove_nothing(broken: int, requests: int) -> None:
    assert not chance.exceeded(broken, requests, 0.02)


def test_many_requests_take_no_time() -> None:
    assert chance.exceeded(510_000, 10_000_000, 0.05)
    assert chance.kept(490_000, 10_000_000, 0.05)
    assert not chance.kept(499_900, 10_000_000, 0.05)


@pytest.mark.parametrize(
    ("new", "old", "worse"),
    [
        ((40, 10_000), (10, 10_000), True),
        ((15, 10_000), (10, 10_000), False),  # more, but not twice
        ((4, 1000), (1, 1000), False),  # four times, and chance
        ((3, 100_000), (0, 10), False),  # nothing is known of the old one
    ],
)
def test_worse_is_twice_and_beyond_chance(new: tuple[int, int], old: tuple[int, int], worse: bool) -> None:
    assert chance.worse(new, old) is worse
