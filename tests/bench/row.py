"""One line of the benchmark table."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    label: str
    median: str
    spread: str
    promised: str
    kept: bool

    @classmethod
    def seconds(cls, label: str, values_s: Sequence[float], limit_s: float) -> Row:
        """Wall times against a limit; shown in ms below a second."""
        middle = statistics.median(values_s)
        scale, unit = (1000, "ms") if limit_s < 1 else (1, "s")
        digits = 0 if middle * scale >= 100 else 2
        return cls(
            label=label,
            median=f"{middle * scale:.{digits}f} {unit}",
            spread=f"{min(values_s) * scale:.{digits}f}-{max(values_s) * scale:.{digits}f}",
            promised=f"≤ {limit_s * scale:g} {unit}",
            kept=middle <= limit_s,
        )

    @classmethod
    def mebibytes(cls, label: str, values_mib: Sequence[float], limit_mib: float) -> Row:
        """Peak resident memory against a limit."""
        middle = statistics.median(values_mib)
        return cls(
            label=label,
            median=f"{middle:.0f} MiB",
            spread=f"{min(values_mib):.0f}-{max(values_mib):.0f}",
            promised=f"≤ {limit_mib:g} MiB",
            kept=middle <= limit_mib,
        )

    @classmethod
    def claim(cls, label: str, detail: str, *, holds: bool) -> Row:
        """Something that is true or not."""
        return cls(label=label, median=detail, spread="", promised="yes", kept=holds)

    def __str__(self) -> str:
        return f"| {self.label} | {self.median} | {self.spread} | {self.promised} | {'yes' if self.kept else 'NO'} |"
