"""Writing a folder all at once: another process sees the old folder or the new one, never a half."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from inferstack.errors import InputError, OutsideError, Problem

MANIFESTS: Final = "manifests"
TOP_LEVEL: Final = frozenset(
    {
        "plan.json",
        "preview.json",
        "cost.json",
        "policy.json",
        "policy.sarif",
        "report.html",
        "report.md",
        MANIFESTS,
    }
)
_MANIFEST: Final = re.compile(r"\d{2}-.+\.yaml")


def write_folder(folder: Path, files: Mapping[str, str], *, force: bool = False) -> None:
    """Replace ``folder`` by ``files`` (relative path → text).

    InputError when the folder holds anything that was not written this way, unless ``force``;
    OutsideError when the disk fails, and then the folder is as it was.
    """
    check_folder(folder, force=force)
    try:
        _replace(folder, files)
    except OSError as error:
        raise OutsideError(f"cannot write {folder}: {error.strerror or error}") from error


def check_folder(folder: Path, *, force: bool = False, keep: Sequence[Path] = ()) -> None:
    """InputError when ``write_folder`` would refuse; for saying so before the work is done.

    Nothing, not even ``force``, replaces the working directory, a folder with a repository in it, or one that
    ``keep`` (files and folders that are needed) lies in.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(Problem(message="this is a file", file=str(folder), accepted="a folder"))
    needed = next((path for path in (Path.cwd(), *keep) if _inside(path, folder)), None)
    if (folder / ".git").exists() or (needed is not None and _foreign(folder) is not None):
        message = "this folder holds your files, and writing replaces it whole"
        raise InputError(Problem(message=message, file=str(folder), accepted="a folder of its own: out/NAME"))
    foreign = None if force else _foreign(folder)
    if foreign is not None:
        raise InputError(
            Problem(
                message="this folder holds something that `inferstack synth` did not write",
                file=str(folder),
                value=foreign,
                accepted="a new or empty folder, one that synth wrote, or --force to replace it",
            )
        )


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _foreign(folder: Path) -> str | None:
    """The first entry that is not ours."""
    if not folder.exists():
        return None
    for entry in sorted(folder.iterdir()):
        if entry.name not in TOP_LEVEL:
            return entry.name
    manifests = folder / MANIFESTS
    names = sorted(found.name for found in manifests.iterdir()) if manifests.is_dir() else []
    return next((f"{MANIFESTS}/{name}" for name in names if not _MANIFEST.fullmatch(name)), None)


def _replace(folder: Path, files: Mapping[str, str]) -> None:
    parent = folder.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=parent) as scratch:
        fresh, stale = Path(scratch) / "new", Path(scratch) / "old"
        fresh.mkdir()
        for name, text in files.items():
            _write(fresh / name, text)
        if folder.exists():
            folder.rename(stale)
        try:
            fresh.rename(folder)
        except OSError:
            if stale.exists():
                stale.rename(folder)
            raise
        if stale.is_dir():
            shutil.rmtree(stale)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
