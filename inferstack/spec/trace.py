"""A request trace: its peak and its token counts, from a CSV of TIMESTAMP, ContextTokens, GeneratedTokens.

The columns are those of the public Azure LLM inference traces. The file is read once, row by row.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Final

from inferstack.errors import InputError, Problem
from inferstack.spec.traffic import TraceSummary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

COLUMNS: Final = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
WINDOW_S: Final = 300
"""Peak: the busiest five minutes; shorter windows measure chance."""
MAX_ROWS: Final = 20_000_000
Row = tuple[float, int, int]
"""Seconds since the epoch, prompt tokens, answer tokens."""


def summarise(rows: Iterable[Row]) -> TraceSummary:
    """Rates and token counts of ``rows`` in any order; ValueError when they span less than two windows."""
    windows: Counter[int] = Counter()
    inputs: Counter[int] = Counter()
    outputs: Counter[int] = Counter()
    for second, input_tokens, output_tokens in rows:
        windows[int(second // WINDOW_S)] += 1
        inputs[input_tokens] += 1
        outputs[output_tokens] += 1
    if not windows or max(windows) - min(windows) < 1:
        raise ValueError(f"the trace spans less than {2 * WINDOW_S // 60} minutes")
    requests = windows.total()
    span = max(windows) - min(windows) + 1
    return TraceSummary(
        requests=requests,
        duration_s=float(span * WINDOW_S),
        peak_to_average=max(windows.values()) * span / requests,
        input_mean=_mean(inputs),
        input_p95=_p95(inputs),
        output_mean=_mean(outputs),
        output_p95=_p95(outputs),
    )


def _mean(counts: Counter[int]) -> float:
    return sum(value * count for value, count in counts.items()) / counts.total()


def _p95(counts: Counter[int]) -> float:
    """The smallest value that at least 95 % of the entries do not exceed."""
    needed = -(-counts.total() * 95 // 100)
    for value, count in sorted(counts.items()):
        needed -= count
        if needed <= 0:
            return float(value)
    raise AssertionError("the counts add up to their total")


def read_trace(path: Path) -> TraceSummary:
    """Summary of a trace file; InputError with the line where it is not one."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return summarise(_rows(csv.DictReader(stream), str(path)))
    except OSError as error:
        raise InputError(Problem(message=f"cannot be read: {error.strerror}", file=str(path))) from None
    except UnicodeDecodeError:
        raise InputError(Problem(message="not UTF-8 text", file=str(path))) from None
    except ValueError as error:
        raise InputError(Problem(message=str(error), file=str(path))) from None


def _rows(reader: csv.DictReader[str], file: str) -> Iterator[Row]:
    try:
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            message = f"no column {', '.join(missing)}"
            raise InputError(Problem(message=message, file=file, line=1, accepted=", ".join(COLUMNS)))
        for record in reader:
            if reader.line_num > MAX_ROWS:
                raise InputError(Problem(message=f"more than {MAX_ROWS:,} rows", file=file))
            yield _row(record, file, reader.line_num)
    except csv.Error as error:
        raise InputError(Problem(message=f"not CSV: {error}", file=file, line=reader.line_num)) from None


def _row(record: dict[str, str], file: str, line: int) -> Row:
    stamp, context, generated = (record[column] for column in COLUMNS)
    try:
        row = (_seconds(stamp), int(context), int(generated))
    except (TypeError, ValueError, OverflowError):
        accepted = "an ISO time or seconds, then two whole numbers"
        shown = f"{stamp},{context},{generated}"[:60]
        raise InputError(
            Problem(message="not a request", file=file, line=line, value=shown, accepted=accepted)
        ) from None
    if min(row[1:]) < 0:
        raise InputError(Problem(message="a negative token count", file=file, line=line))
    return row


def _seconds(stamp: str) -> float:
    """Seconds since the epoch of an ISO time (UTC where no zone is given) or a plain number."""
    try:
        return dt.datetime.fromisoformat(stamp).replace(tzinfo=dt.UTC).timestamp()
    except ValueError:
        value = float(stamp)
        if not 0 <= value < 1e11:
            raise ValueError(stamp) from None
        return value
