"""Request traces: peak, means and percentiles, and files that are none."""

from __future__ import annotations

import datetime as dt
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferstack.errors import InputError
from inferstack.spec.trace import WINDOW_S, read_trace, summarise

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"


def test_the_peak_is_the_busiest_window_over_the_mean():
    steady = [(float(second), 100, 10) for second in range(0, 3600, 60)]
    burst = [(1000.0 + index, 100, 10) for index in range(55)]
    assert summarise(steady).peak_to_average == 1
    # 60 + 55 requests over 12 windows; the burst window holds 5 + 55
    assert summarise(steady + burst).peak_to_average == pytest.approx(60 * 12 / 115)


def test_a_short_trace_has_no_peak():
    with pytest.raises(ValueError, match="less than 10 minutes"):
        summarise([(0.0, 1, 1), (200.0, 1, 1)])
    with pytest.raises(ValueError, match="less than 10 minutes"):
        summarise([])


rows = st.lists(
    st.tuples(st.floats(0, 1e6), st.integers(0, 5000), st.integers(0, 5000)), min_size=1, max_size=60
)


@given(rows)
def test_a_summary_is_consistent_whatever_the_order(some):
    some = [*some, (0.0, 1, 1), (2.0 * WINDOW_S, 1, 1)]
    summary = summarise(some)
    assert summarise(reversed(some)) == summary
    assert summary.requests == len(some)
    assert 1 <= summary.peak_to_average <= summary.duration_s / WINDOW_S
    assert summary.input_mean == pytest.approx(statistics.fmean(row[1] for row in some))
    ordered = sorted(row[2] for row in some)
    assert summary.output_p95 == ordered[-(-len(ordered) * 95 // 100) - 1]


def test_iso_times_with_long_fractions_and_plain_seconds_are_read(tmp_path):
    start = dt.datetime(2023, 11, 16, 18, 15, 46, tzinfo=dt.UTC)
    times = [f"{start + dt.timedelta(seconds=60 * n):%Y-%m-%d %H:%M:%S}.6805900" for n in range(20)]
    (tmp_path / "iso.csv").write_text(HEADER + "".join(f"{time},374,44\n" for time in times))
    seconds = [str(start.timestamp() + 0.68 + 60 * n) for n in range(20)]
    (tmp_path / "seconds.csv").write_text(HEADER + "".join(f"{time},374,44\n" for time in seconds))
    assert read_trace(tmp_path / "iso.csv") == read_trace(tmp_path / "seconds.csv")
    assert read_trace(tmp_path / "iso.csv").input_p95 == 374


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (b"", 1, "no column TIMESTAMP, ContextTokens, GeneratedTokens"),
        (b"TIMESTAMP,ContextTokens\n1,2\n", 1, "no column GeneratedTokens"),
        (HEADER.encode() + b"1,2,3\nyesterday,2,3\n", 3, "not a request"),
        (HEADER.encode() + b"1,2\n", 2, "not a request"),
        (HEADER.encode() + b"1,2.5,3\n", 2, "not a request"),
        (HEADER.encode() + b"1,-2,3\n", 2, "a negative token count"),
        (HEADER.encode() + b"nan,2,3\n", 2, "not a request"),
        (HEADER.encode() + b"1,2,3\n", None, "the trace spans less than 10 minutes"),
        (HEADER.encode() + b"1,2,\xff\n", None, "not UTF-8 text"),
        (HEADER.encode() + b'1,2,"' + b"x" * 200_000 + b'"\n', 1, "not CSV"),
    ],
)  # fmt: skip
def test_other_files_are_told_where_they_are_wrong(tmp_path, content, line, said):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_trace(tmp_path / "x.csv")
    (problem,) = caught.value.problems
    assert problem.line == line
    assert problem.message.startswith(said)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_trace(tmp_path / "nowhere.csv")
