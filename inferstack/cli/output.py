"""What every command shares: JSON out, errors out, progress on stderr."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import sys
from decimal import Decimal
from pathlib import PurePath
from typing import Any, NoReturn

import click


def plain(value: object) -> Any:
    """Plain JSON data of any value we hold: dataclasses, pydantic models, Decimals as strings.

    Infinite and NaN floats become strings, so that the output is strict JSON.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return plain(dump(by_alias=True))
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, Decimal | PurePath):
        return str(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def emit_json(value: object) -> None:
    """Print one JSON document on stdout."""
    click.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))


def progress(text: str) -> None:
    """One line on stderr, for work that takes over a second; silent when stderr is not a terminal."""
    if sys.stderr.isatty():
        click.echo(text, err=True)


def fail(text: str, *, exit_code: int) -> NoReturn:
    """Say what is wrong on stderr and leave."""
    for line in text.splitlines() or [""]:
        click.echo(f"error: {line}", err=True)
    sys.exit(exit_code)
