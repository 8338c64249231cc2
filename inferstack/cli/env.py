"""ENV arguments: a name under ``stacks/``, a folder with an environment.yaml, or that file."""

from __future__ import annotations

import datetime as dt
import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inferstack.errors import InputError, Problem

if TYPE_CHECKING:
    from inferstack.spec.checks import Knowledge
    from inferstack.spec.load import LoadedEnvironment
    from inferstack.spec.workload import Workload

PROJECT_FILE: Final = "Pulumi.yaml"
STACKS: Final = "stacks"
ENVIRONMENT_FILE: Final = "environment.yaml"
SLIP: Final = 0.95
"""Likeness above which an unknown model id is a misspelt known one, not a derivative of it."""


def project_root(start: Path | None = None) -> Path | None:
    """The nearest folder with a Pulumi.yaml, from ``start`` (default: the working directory) upwards.

    Relative to the working directory, so that what is printed holds no machine path.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / PROJECT_FILE).is_file():
            return Path(os.path.relpath(folder))
    return None


def environment_names(root: Path) -> tuple[str, ...]:
    """Names under ``stacks/`` that hold an environment, sorted."""
    return tuple(sorted(file.parent.name for file in (root / STACKS).glob(f"*/{ENVIRONMENT_FILE}")))


def find_environment(argument: str) -> Path:
    """The environment file that ``argument`` means; InputError with the known names when there is none."""
    path = Path(argument)
    root = project_root()
    candidates = [path, path / ENVIRONMENT_FILE]
    if root is not None and len(path.parts) == 1:
        candidates.append(root / STACKS / argument / ENVIRONMENT_FILE)
    for file in candidates:
        if os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises for names that no file can have
            return file
    raise InputError(_unknown(argument, root))


def _unknown(argument: str, root: Path | None) -> Problem:
    from inferstack.spec.accepted import nearest
    from inferstack.spec.yaml_lines import printable

    path, shown = Path(argument), printable(argument)
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for names that no folder can have
        return Problem(message=f"the folder has no {ENVIRONMENT_FILE}", file=shown)
    if len(path.parts) > 1 or path.suffix:
        return Problem(message="there is no such file or folder", file=shown)
    names = environment_names(root) if root is not None else ()
    if not names:
        accepted = f"a name under {STACKS}/ of a project (a folder with {PROJECT_FILE}), or a path"
        return Problem(message=f"no environment {shown!r}", accepted=accepted)
    accepted = ", ".join(names)
    return Problem(
        message=f"no environment {shown!r}", did_you_mean=nearest(argument, names), accepted=accepted
    )


def environment_of(workload_file: Path) -> Path | None:
    """The environment file whose folder a workload file stands under (at most two levels), if any."""
    folders = workload_file.resolve().parents
    for folder in folders[:2]:
        if (folder / ENVIRONMENT_FILE).is_file():
            return Path(os.path.relpath(folder / ENVIRONMENT_FILE))
    return None


def knowledge() -> Knowledge:
    """What specs are checked against: the catalog, and today (UTC)."""
    from inferstack.catalog.load import load_catalog
    from inferstack.spec.checks import Knowledge

    today = dt.datetime.now(dt.UTC).date()
    return Knowledge(catalog=load_catalog(), today=today, resolve_model=known_model)


def known_model(name: str) -> str | None:
    """What must be said about a model id that is a derivative of a known one; None for a catalog id.

    InputError for a name that nothing is known of, and for one so near to a catalog id that it is a slip.
    """
    from inferstack.catalog.load import load_catalog
    from inferstack.catalog.resolve import resolve_model

    catalog = load_catalog()
    try:
        catalog.model(name)
    except InputError as unknown:
        if difflib.get_close_matches(name, catalog.model_ids(), n=1, cutoff=SLIP):
            raise
        try:
            return resolve_model(name, catalog).note
        except InputError:
            raise unknown from None
    return None


def read_environment(argument: str) -> LoadedEnvironment:
    """The environment that ``argument`` means, with its workloads, all names checked."""
    from inferstack.spec.load import load_environment

    return load_environment(find_environment(argument), known=knowledge())


def read_workload(path: str | Path) -> Workload:
    """One workload file, all names checked."""
    from inferstack.spec.load import load_workload

    return load_workload(path, known=knowledge())
