"""A preflight report as text for people: the verdict first, then a line a finding, with its fix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from inferstack.preflight.types import Finding, Report, Status

MARKS: Final = {Status.OK: "ok", Status.WARN: "warn", Status.FAIL: "FAIL", Status.UNKNOWN: "unknown"}
COLOURS: Final = {Status.WARN: "yellow", Status.FAIL: "red", Status.UNKNOWN: "magenta"}


def verdict_line(report: Report) -> str:
    """``prod-eu (123456789012, eu-central-1): 1 failed, 2 warnings, 12 ok``."""
    counts = Counter(found.status for found in report.findings)
    words = (
        (Status.FAIL, "failed", "failed"),
        (Status.UNKNOWN, "unknown", "unknown"),
        (Status.WARN, "warning", "warnings"),
        (Status.OK, "ok", "ok"),
    )
    said = [
        f"{counts[status]} {one if counts[status] == 1 else many}"
        for status, one, many in words
        if counts[status]
    ]
    return f"{report.environment} ({report.account}, {report.region}): {', '.join(said)}"


def report_lines(report: Report, *, quiet: bool = False) -> Iterator[tuple[Status | None, str]]:
    """Lines with the status that colours them; ``quiet`` leaves out what is ok."""
    yield None, verdict_line(report)
    width = max((len(found.check) for found in report.findings), default=0)
    for found in report.findings:
        if not (quiet and found.status is Status.OK):
            yield from _lines(found, width)


def _lines(found: Finding, width: int) -> Iterator[tuple[Status | None, str]]:
    yield found.status, f"  {MARKS[found.status]:<7}  {found.check:<{width}}  {found.what}  [{found.where}]"
    if found.fix is not None:
        yield None, f"  {'':<7}  {'':<{width}}  fix: {found.fix}"
