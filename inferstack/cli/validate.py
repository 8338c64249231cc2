"""`inferstack validate`: check spec files, and say everything that is wrong at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inferstack.cli.env import (
    ENVIRONMENT_FILE,
    STACKS,
    environment_names,
    find_environment,
    knowledge,
    project_root,
)
from inferstack.cli.output import emit_json
from inferstack.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inferstack.spec.checks import Knowledge


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A file without problems."""

    path: str
    kind: str
    name: str
    workloads: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@click.command(epilog="Exit codes: 0 all sound, 2 problems.")
@click.argument("paths", nargs=-1, metavar="[PATH|ENV]...")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: ok, checked, problems.")
def validate(paths: tuple[str, ...], *, as_json: bool) -> None:
    """Check spec files: workloads, environments (with all their workloads), folders, names under stacks/.

    Without arguments, everything under stacks/. Every problem of every file is shown at once, each with
    file, line, path, and what would be accepted.

    \b
    Examples:
      inferstack validate
      inferstack validate prod-eu
      inferstack validate stacks/prod-eu/workloads/chat.yaml --json
    """
    known = knowledge()
    sound: list[Sound] = []
    problems: list[Problem] = []
    for target in targets(paths):
        try:
            sound.append(_examine(target, known))
        except InputError as error:
            problems += [item for item in error.problems if item not in problems]
    if as_json:
        emit_json({"version": 1, "ok": not problems, "checked": sound, "problems": problems})
    else:
        _print(sound, problems)
    if problems:
        raise click.exceptions.Exit(2)


def targets(paths: Sequence[str]) -> list[Path]:
    """Files to check, in the order asked for, each once: environment files and single workload files."""
    if not paths:
        return _everything()
    found = [file for path in paths for file in _expand(path)]
    return list(dict.fromkeys(found))


def _everything() -> list[Path]:
    root = project_root()
    names = environment_names(root) if root is not None else ()
    if root is None or not names:
        message = f"nothing to check: no {STACKS}/*/{ENVIRONMENT_FILE} in this folder or above"
        raise InputError(Problem(message=message, accepted="a path, or run it inside a project"))
    return [root / STACKS / name / ENVIRONMENT_FILE for name in names]


def _expand(argument: str) -> Iterator[Path]:
    """A folder that is no environment stands for the environments below it, else for its workload files."""
    folder = Path(argument)
    if not os.path.isdir(folder) or (folder / ENVIRONMENT_FILE).is_file():  # noqa: PTH112 - never raises
        yield find_environment(argument)
        return
    below = sorted(folder.glob(f"**/{ENVIRONMENT_FILE}"))
    own = sorted(
        item for item in folder.iterdir() if item.suffix in (".yaml", ".yml") and item.name[0] != "."
    )
    if not below and not own:
        root = project_root()
        if root is None or argument not in environment_names(root):
            raise InputError(Problem(message="no spec file in this folder", file=argument, accepted="*.yaml"))
        yield find_environment(argument)
    yield from below or own


def _examine(path: Path, known: Knowledge) -> Sound:
    from inferstack.spec.load import kind_of, load_environment, load_workload

    kind = kind_of(path)
    if kind == "environment" or (kind != "workload" and path.name == ENVIRONMENT_FILE):
        loaded = load_environment(path, known=known)
        names = tuple(workload.name for workload in loaded.workloads)
        return Sound(
            path=str(path),
            kind="Environment",
            name=loaded.environment.name,
            workloads=names,
            warnings=loaded.warnings,
        )
    workload = load_workload(path, known=known)
    return Sound(path=str(path), kind="Workload", name=workload.name)


def _print(sound: Sequence[Sound], problems: Sequence[Problem]) -> None:
    for item in sound:
        serves = f": {', '.join(item.workloads)}" if item.workloads else ""
        click.echo(f"ok  {item.path}  {item.kind.lower()} {item.name}{serves}")
        for warning in item.warnings:
            click.echo(f"    note: {warning}")
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    if problems:
        files = len({problem.file for problem in problems})
        click.echo(f"{_count(len(problems), 'problem')} in {_count(files, 'file')}", err=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
