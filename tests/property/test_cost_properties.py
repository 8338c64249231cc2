"""Money is conserved: whatever the lines, however they are grouped, split or compared, no cent comes or goes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from inferstack.cost.bill import GROUP_KEYS, Bill, ResourceCost, allocate
from inferstack.cost.budget import BudgetState, judge
from inferstack.cost.compare import compare
from inferstack.cost.document import document
from inferstack.cost.item import Line, load_assumptions
from inferstack.cost.items.persistent_volume import GIB, quantity_gib

ASSUMPTIONS = load_assumptions()
prices = st.decimals("0", "1000", places=6)
quantities = st.decimals("0", "100000", places=4)
cents = st.decimals("0", "10000000", places=2)

lines = st.builds(
    Line,
    label=st.text("abc ", min_size=1, max_size=8),
    quantity=st.none() | quantities,
    unit=st.just("hour"),
    unit_price=st.none() | prices,
    source=st.just("s"),
    date=st.just(dt.date(2026, 7, 20)),
    assumption=st.none() | st.just("assumed"),
)
names = st.sampled_from(["a", "b", "c"])
costs = st.builds(
    ResourceCost,
    urn=st.uuids().map(str),
    type=st.just("t"),
    name=names,
    item=st.just("i"),
    title=st.just("t"),
    service=names,
    component=names | st.just(""),
    workload=st.none() | names,
    lines=st.lists(lines, max_size=4).map(tuple),
)


def bill(resources: list[ResourceCost]) -> Bill:
    return Bill(
        environment="e",
        region="r",
        resources=tuple(resources),
        workloads=(),
        free=0,
        not_priced=(),
        budget=None,
        assumptions=ASSUMPTIONS,
        price_dates=(),
    )


bills = st.lists(costs, max_size=8).map(bill)


@given(bills)
def test_the_total_is_the_sum_of_the_lines_shown(found: Bill) -> None:
    shown = [line.monthly for cost in found.resources for line in cost.lines if line.monthly is not None]
    assert found.total == sum(shown, start=Decimal(0))
    assert found.total == found.total.quantize(Decimal("0.01"))


@given(bills)
def test_grouping_conserves_the_total_and_the_gaps(found: Bill) -> None:
    for key in GROUP_KEYS:
        groups = found.grouped(key)
        assert sum((group.monthly for group in groups), start=Decimal(0)) == found.total
        assert sum(group.gaps for group in groups) == len(found.gaps)


@given(bills)
def test_a_line_is_a_gap_or_an_amount_and_a_gap_is_never_an_amount_of_zero(found: Bill) -> None:
    for cost in found.resources:
        for line in cost.lines:
            missing = line.quantity is None or line.unit_price is None
            assert (line.monthly is None) == missing
    every = sum(len(cost.lines) for cost in found.resources)
    assert (
        len(found.gaps) + sum(line.monthly is not None for c in found.resources for line in c.lines) == every
    )


@given(bills, bills)
def test_a_comparison_conserves_the_difference_and_turns_around(before: Bill, after: Bill) -> None:
    there, back = compare(before, after), compare(after, before)
    assert sum((change.difference for change in there.changes), start=Decimal(0)) == there.difference
    assert there.difference == -back.difference


@given(bills)
def test_nothing_differs_from_itself(found: Bill) -> None:
    assert compare(found, found).changes == ()


@given(bills)
def test_the_document_holds_no_float(found: Bill) -> None:
    stack = [document(found)]
    while stack:
        value = stack.pop()
        assert not isinstance(value, float)
        stack += list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


@given(cents, st.dictionaries(names, cents, min_size=1))
def test_a_split_loses_nothing_and_is_within_a_cent_of_exact(
    total: Decimal, weights: dict[str, Decimal]
) -> None:
    shares = allocate(total, weights)
    assert shares.keys() == weights.keys()
    assert sum(shares.values(), start=Decimal(0)) == total
    whole = sum(weights.values(), start=Decimal(0))
    for name, share in shares.items():
        exact = total * weights[name] / whole if whole else total / len(weights)
        assert abs(share - exact) < Decimal("0.0101")
        assert share >= 0


def test_a_split_among_nobody_is_nothing() -> None:
    assert allocate(Decimal("1.00"), {}) == {}


@given(cents, cents, st.integers(0, 5))
def test_a_budget_is_kept_only_when_everything_is_known_and_within(
    limit: Decimal, spent: Decimal, gaps: int
) -> None:
    state = judge("s", limit, spent, gaps).state
    assert (state is BudgetState.EXCEEDED) == (spent > limit)
    assert (state is BudgetState.KEPT) == (spent <= limit and gaps == 0)


@given(st.decimals("0", "100000", places=3), st.sampled_from(sorted(unit for unit in GIB if unit)))
def test_sizes_scale_with_their_unit(number: Decimal, unit: str) -> None:
    one = quantity_gib(f"1{unit}")
    found = quantity_gib(f"{number:f}{unit}")
    assert one is not None
    assert found is not None
    assert abs(found - number * one) <= Decimal("1e-12") * max(Decimal(1), found)
