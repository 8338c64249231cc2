"""Aligned text for terminals: tables with a header line, and field-by-field listings of one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

Cell = str | int | float | Decimal | bool | None


def table(headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """``rows`` under ``headers``, numbers to the right; a cell that is None prints as ``-``."""
    cells = [[_word(cell) for cell in row] for row in rows]
    right = [all(_is_number(row[i]) for row in rows) for i in range(len(headers))]
    widths = [max(len(headers[i]), *(len(row[i]) for row in cells), 0) for i in range(len(headers))]

    def line(values: Sequence[str]) -> str:
        padded = [v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right, strict=True)]
        return "  ".join(padded).rstrip()

    return "\n".join([line(headers), line(["-" * width for width in widths]), *map(line, cells)])


def fields(value: Mapping[str, object], *, indent: int = 0) -> str:
    """``name: value`` lines for plain JSON data; nested mappings are indented, long lists go one a line."""
    lines: list[str] = []
    pad = " " * indent
    for name, item in value.items():
        lines += _field(pad, name, item, indent)
    return "\n".join(lines)


def _field(pad: str, name: str, item: object, indent: int) -> list[str]:
    if isinstance(item, Mapping):
        return [f"{pad}{name}:", fields(item, indent=indent + 2)] if item else [f"{pad}{name}: none"]
    if isinstance(item, Sequence) and not isinstance(item, str):
        return _listing(pad, name, item)
    return [f"{pad}{name}: {_word(item)}"]


def _listing(pad: str, name: str, items: Sequence[object]) -> list[str]:
    if not items:
        return [f"{pad}{name}: none"]
    words = [_inline(item) for item in items]
    if all(len(word) < 24 for word in words) and sum(map(len, words)) < 88:
        return [f"{pad}{name}: {', '.join(words)}"]
    return [f"{pad}{name}:", *(f"{pad}  - {word}" for word in words)]


def _inline(item: object) -> str:
    if isinstance(item, Mapping):
        return ", ".join(f"{name} {_word(value)}" for name, value in item.items())
    return _word(item)


def _is_number(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, int | float | Decimal) and not isinstance(cell, bool))


def _word(item: object) -> str:
    if item is None:
        return "-"
    if isinstance(item, bool):
        return "yes" if item else "no"
    return f"{item:.10g}" if isinstance(item, float) else str(item)
