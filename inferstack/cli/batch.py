"""`--batch FILE.jsonl`: one object of options a line in, one result a line out, in the same order.

A bad line gives ``{"line": n, "error": "..."}`` and the rest go on.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from inferstack.cli.output import plain
from inferstack.errors import InputError, OutsideError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def run_batch(source: str, answer: Callable[[Mapping[str, Any]], object]) -> None:
    """Print ``answer`` of every object in ``source`` (a path, or ``-`` for standard input) as JSON lines."""
    _refuse_flags(click.get_current_context())
    for number, text in _lines(source):
        try:
            result = plain(answer(_parse(text)))
        except InputError as error:
            result = {"line": number, "error": "; ".join(str(problem) for problem in error.problems)}
        click.echo(json.dumps(result, ensure_ascii=False))


def _refuse_flags(ctx: click.Context) -> None:
    """Flags beside ``--batch`` would be read and then mean nothing."""
    given = [
        f"--{name.replace('_', '-')}"
        for name in ctx.params
        if name not in {"batch", "as_json"} and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(f"{', '.join(given)}: with --batch, every line of the file says that itself")


def _parse(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg} at column {error.colno}") from error
    except RecursionError:
        raise InputError("not JSON that anybody reads: nested too deep") from None
    except ValueError as error:  # a number of thousands of digits
        raise InputError(f"not JSON that anybody reads: {error}") from error
    if not isinstance(value, dict):
        raise InputError(Problem(message="not an object", value=text.strip()[:40]))
    return value


def _lines(source: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, without the empty ones at the end."""
    lines = _read(source).split("\n")  # splitlines() also cuts at U+2028, which may stand inside a JSON text
    while lines and not lines[-1].strip():
        lines.pop()
    yield from enumerate(lines, 1)


def _read(source: str) -> str:
    if source == "-":
        return sys.stdin.read()
    try:
        with click.open_file(source, encoding="utf-8") as handle:
            text: str = handle.read()
    except FileNotFoundError as error:
        raise InputError(Problem(message="no such file", file=source)) from error
    except UnicodeDecodeError as error:
        raise InputError(Problem(message="not UTF-8 text", file=source)) from error
    except OSError as error:
        raise OutsideError(f"{source} cannot be read: {error.strerror}") from error
    return text
