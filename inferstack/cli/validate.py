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
    known_model,
    project_root,
)
from inferstack.cli.output import emit_json
from inferstack.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferstack.spec.checks import Knowledge
    from inferstack.spec.workload import Workload

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A file without problems."""

    path: str
    kind: str
    name: str
    workloads: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@click.command(epilog="Exit codes: 0 all sound, 2 problems, 3 --vllm without the vLLM that is deployed.")
@click.argument("paths", nargs=-1, metavar="[PATH|ENV]...")
@click.option(
    "--vllm",
    "with_vllm",
    is_flag=True,
    help="Also let vLLM's own parser read what each environment launches (needs inferstack[vllm]).",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document: ok, checked, problems.")
def validate(paths: tuple[str, ...], *, with_vllm: bool, as_json: bool) -> None:
    """Check spec files: workloads, environments (with all their workloads), folders, names under stacks/.

    Without arguments, everything under stacks/. Every problem of every file is shown at once, each with
    file, line, path, and what would be accepted.

    \b
    Examples:
      inferstack validate
      inferstack validate prod-eu
      inferstack validate prod-eu --vllm
      inferstack validate stacks/prod-eu/workloads/chat.yaml --json
    """
    sound, problems = _check_all(paths or _everything())
    if with_vllm:
        from inferstack.cli.vllm_check import vllm_check

        problems += vllm_check([item.path for item in sound if item.kind == "Environment"])
    if as_json:
        emit_json({"version": 1, "ok": not problems, "checked": sound, "problems": problems})
    else:
        _print(sound, problems)
    if problems:
        raise click.exceptions.Exit(2)


def _everything() -> Sequence[str]:
    root = project_root()
    names = environment_names(root) if root is not None else ()
    if root is None or not names:
        message = f"nothing to check: no {STACKS}/*/{ENVIRONMENT_FILE} in this folder or above"
        raise InputError(Problem(message=message, accepted="a path, or run it inside a project"))
    return [str(root / STACKS / name) for name in names]


def _check_all(arguments: Sequence[str]) -> tuple[list[Sound], list[Problem]]:
    """Every target of every argument, each once; what one of them lacks does not hide the others."""
    known, sound, problems = knowledge(), dict[Path, Sound](), list[Problem]()

    def note(error: InputError) -> None:
        problems.extend(item for item in error.problems if item not in problems)

    for argument in arguments:
        try:
            targets = _expand(argument)
        except InputError as error:
            note(error)
            continue
        for target in targets:
            try:
                sound[target] = sound.get(target) or _examine(target, known)
            except InputError as error:
                note(error)
    return list(sound.values()), problems


def _expand(argument: str) -> list[Path]:
    """A folder that is no environment stands for the environments below it, else for its workload files."""
    if not argument:
        raise InputError(
            Problem(message="an empty path", accepted="a file, a folder, or a name under stacks/")
        )
    folder = Path(argument)
    if not os.path.isdir(folder) or os.path.isfile(folder / ENVIRONMENT_FILE):  # noqa: PTH112, PTH113 - never raise
        return [find_environment(argument)]
    try:
        below = sorted(folder.glob(f"**/{ENVIRONMENT_FILE}"))
        own = sorted(item for item in folder.iterdir() if item.suffix in SUFFIXES and item.name[0] != ".")
    except OSError as error:
        raise InputError(Problem(message=f"cannot be read: {error.strerror}", file=argument)) from None
    root = project_root()
    if below or own:
        return below or own
    if root is not None and argument in environment_names(root):
        return [find_environment(argument)]
    raise InputError(Problem(message="no spec file in this folder", file=argument, accepted="*.yaml"))


def _examine(path: Path, known: Knowledge) -> Sound:
    from inferstack.spec.load import kind_of, load_environment, load_workload

    kind = kind_of(path)
    if kind == "environment" or (kind != "workload" and path.name == ENVIRONMENT_FILE):
        loaded = load_environment(path, known=known)
        models = [f"{item.name}: {said}" for item in loaded.workloads if (said := _said_of_model(item))]
        return Sound(
            path=str(path),
            kind="Environment",
            name=loaded.environment.name,
            workloads=tuple(workload.name for workload in loaded.workloads),
            warnings=(*loaded.warnings, *models),
        )
    workload = load_workload(path, known=known)
    said = _said_of_model(workload)
    return Sound(path=str(path), kind="Workload", name=workload.name, warnings=(said,) if said else ())


def _said_of_model(workload: Workload) -> str | None:
    """The note on a model that is not itself in the catalog."""
    if workload.model.id is None or workload.model.hf_config is not None:
        return None
    return known_model(workload.model.id)


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
