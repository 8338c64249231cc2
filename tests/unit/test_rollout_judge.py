"""Verdicts from made-up measurements: each reason, and that nothing unknown passes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferstack.rollout.judge import decide, judged
from inferstack.rollout.measure import limits
from inferstack.rollout.text import ending, lines
from inferstack.rollout.types import Live, Measured, Pair, Sample, Status, Verdict
from inferstack.spec.derive import Limits

LIMITS = Limits(error_rate=0.02, ttft_p95_ms=1500.0, itl_p95_ms=None, step_s=600)
PAIR = Pair(
    workload="chat-v2",
    replaces="chat",
    file=Path("workloads/chat-v2.yaml"),
    strategy="canary",
    steps=(5, 25, 50, 100),
    traffic=25,
    limits=LIMITS,
)
GOOD = Sample(broken=2, requests=1000)


def measured(
    errors: Sample | None = GOOD,
    ttft: Sample | None = GOOD,
    *,
    old: Sample | None = GOOD,
    percent: float = 25,
    seconds: float = 900,
) -> Measured:
    found = tuple(
        judged(limit, 600, sample, old) for limit, sample in zip(limits(PAIR), (errors, ttft), strict=True)
    )
    return Measured(live=Live(percent=percent, seconds=seconds), recent=found, whole=found)


def test_limits_that_are_kept_for_a_step_are_the_next_step() -> None:
    found = decide(PAIR, measured())
    assert (found.verdict, found.to, found.against, found.unknown) == (Verdict.ADVANCE, 50, False, False)


def test_the_last_step_ends_it() -> None:
    found = decide(replace(PAIR, traffic=100), measured(percent=100, old=None))
    assert (found.verdict, found.to) == (Verdict.FINISHED, None)


def test_blue_green_ends_with_its_only_step() -> None:
    pair = replace(PAIR, strategy="blue-green", steps=(100,), traffic=100)
    assert decide(pair, measured(percent=100)).verdict is Verdict.FINISHED


@pytest.mark.parametrize("seconds", [60, 599, 900])
def test_a_broken_limit_aborts_at_once(seconds: float) -> None:
    found = decide(PAIR, measured(Sample(broken=40, requests=1000), seconds=seconds))
    assert (found.verdict, found.to, found.against) == (Verdict.ABORT, 0, True)
    assert "errors, limit 2 %: 40 of 1,000 requests failed (4 %)" in found.reasons[0]


def test_the_last_minutes_alone_can_abort() -> None:
    """A day of good requests hides no bad ten minutes."""
    fine, now = measured(), measured(Sample(broken=40, requests=1000))
    assert decide(PAIR, replace(fine, recent=now.recent)).verdict is Verdict.ABORT


def test_an_abort_says_when_the_old_version_is_no_better() -> None:
    bad = Sample(broken=40, requests=1000)
    assert "the old version breaks it too" in decide(PAIR, measured(bad, old=bad)).reasons[0]


def test_late_tokens_abort() -> None:
    found = decide(PAIR, measured(ttft=Sample(broken=90, requests=1000)))
    assert "TTFT p95, limit 1.50 s: 90 of 1,000 requests were slower (9 %)" in found.reasons[0]


def test_too_few_requests_hold_and_say_how_many_are_needed() -> None:
    found = decide(PAIR, measured(Sample(broken=0, requests=50)))
    assert (found.verdict, found.to, found.against, found.unknown) == (Verdict.HOLD, None, False, False)
    assert "about 149 requests" in found.reasons[0]
    assert "5.82 % is still possible" in found.reasons[0]


def test_a_share_at_the_limit_never_advances() -> None:
    found = decide(PAIR, measured(Sample(broken=20, requests=1000)))
    assert found.verdict is Verdict.HOLD
    assert "not under the limit, and not above it beyond chance" in found.reasons[0]


def test_a_young_step_holds() -> None:
    found = decide(PAIR, measured(seconds=240))
    assert found.verdict is Verdict.HOLD
    assert found.reasons == ("25 % since 4.0 min; a step is watched for 10.0 min",)


def test_a_step_too_young_for_any_window_is_no_outage() -> None:
    found = decide(PAIR, Measured(live=Live(percent=25, seconds=20)))
    assert (found.verdict, found.unknown) == (Verdict.HOLD, False)
    assert decide(PAIR, Measured(live=Live(percent=25, seconds=900))).unknown


@pytest.mark.parametrize(("errors", "ttft"), [(None, GOOD), (GOOD, None), (None, None)])
def test_what_is_not_measured_is_not_kept(errors: Sample | None, ttft: Sample | None) -> None:
    found = decide(PAIR, measured(errors, ttft))
    assert (found.verdict, found.to, found.unknown) == (Verdict.HOLD, None, True)


def test_silent_gateways_are_unknown() -> None:
    found = decide(PAIR, replace(measured(), live=None))
    assert (found.verdict, found.unknown) == (Verdict.HOLD, True)


def test_a_file_that_is_not_deployed_holds() -> None:
    found = decide(PAIR, measured(percent=5))
    assert found.reasons == (
        "the file says 25 %, the gateways send 5 %: deploy the file first (`inferstack up`)",
    )
    assert not found.against


def test_an_abort_that_is_not_deployed_speaks_against() -> None:
    found = decide(replace(PAIR, traffic=0), measured(Sample(broken=40, requests=1000)))
    assert (found.verdict, found.to, found.against) == (Verdict.HOLD, None, True)


def test_a_version_that_breaks_a_limit_aborts_though_the_file_is_ahead() -> None:
    found = decide(replace(PAIR, traffic=50), measured(Sample(broken=40, requests=1000)))
    assert (found.verdict, found.to) == (Verdict.ABORT, 0)


def test_clearly_worse_than_the_old_version_holds() -> None:
    found = decide(
        PAIR, measured(Sample(broken=100, requests=10_000), old=Sample(broken=10, requests=10_000))
    )
    assert (found.verdict, found.against) == (Verdict.HOLD, True)
    assert "at least twice" in found.reasons[0]


class TestBeginning:
    pair = replace(PAIR, traffic=0)
    nothing = Live(percent=0, seconds=900)

    def test_only_a_person_begins(self) -> None:
        """An abort looks the same, and a schedule must not begin it again."""
        found = decide(self.pair, Measured(live=self.nothing, servers=(2, 2)))
        assert (found.verdict, found.to) == (Verdict.HOLD, None)
        found = decide(self.pair, Measured(live=self.nothing, servers=(2, 2)), start=True)
        assert (found.verdict, found.to) == (Verdict.ADVANCE, 5)

    @pytest.mark.parametrize(("servers", "unknown"), [((1, 2), False), (None, True)])
    def test_not_before_its_servers_answer(self, servers: tuple[int, int] | None, unknown: bool) -> None:
        found = decide(self.pair, Measured(live=self.nothing, servers=servers), start=True)
        assert (found.verdict, found.to, found.unknown) == (Verdict.HOLD, None, unknown)


samples = st.none() | st.integers(0, 3000).flatmap(
    lambda requests: st.builds(Sample, broken=st.integers(0, requests), requests=st.just(requests))
)


@given(
    errors=samples,
    ttft=samples,
    old=samples,
    percent=st.sampled_from([0.0, 5.0, 25.0, 50.0, 100.0]),
    traffic=st.sampled_from([0, 5, 25, 50, 100]),
    seconds=st.floats(0, 90_000),
    start=st.booleans(),
)
def test_nothing_advances_unless_all_is_known_and_kept(
    errors, ttft, old, percent: float, traffic: int, seconds: float, start: bool
) -> None:
    given_ = measured(errors, ttft, old=old, percent=percent, seconds=seconds)
    found = decide(replace(PAIR, traffic=traffic), given_, start=start)
    assert found.to in (None, 0, *PAIR.steps)
    if found.to:
        assert found.to == next(step for step in PAIR.steps if step > traffic)
    if found.verdict in (Verdict.ADVANCE, Verdict.FINISHED) and traffic:
        assert {item.status for item in given_.whole} == {Status.KEPT}
        assert percent == traffic
        assert seconds >= 600
    if found.to == 0:
        assert Status.BROKEN in {item.status for item in given_.recent}
    assert list(lines(found))


def test_the_end_names_every_name_that_callers_use() -> None:
    assert "`answersTo: [first, chat]`" in ending(replace(PAIR, old_answers_to=("first",)))[1]
