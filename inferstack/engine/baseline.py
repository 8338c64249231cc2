"""The graph to compare with: a folder that `synth` wrote, a preview, an exported stack, or a git revision."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from inferstack.engine import preview
from inferstack.engine.graph import Graph
from inferstack.engine.project import Target
from inferstack.errors import InputError, OutsideError, Problem

PREVIEW_FILE: Final = "preview.json"
_TIMEOUT_S: Final = 300


@dataclass(frozen=True, slots=True)
class Baseline:
    """A graph and how to name it; an environment that did not exist yet has an empty graph."""

    label: str
    graph: Graph


def load_baseline(against: str, target: Target) -> Baseline:
    """What ``against`` names: a path if it exists, else a git revision of the project."""
    path = Path(against)
    if path.is_dir() and not (path / PREVIEW_FILE).is_file():
        raise InputError(
            Problem(
                message=f"no {PREVIEW_FILE} in this folder",
                file=against,
                accepted="a folder that `inferstack synth` wrote, a preview file, or a git revision",
            )
        )
    if path.exists():
        return Baseline(against, preview.read_preview(path / PREVIEW_FILE if path.is_dir() else path))
    return Baseline(against, _at_revision(against, target))


def _at_revision(revision: str, target: Target) -> Graph:
    """Runs an earlier revision's program, by its own `inferstack preview --json`, with this interpreter."""
    root = target.project.root
    commit = _git(
        root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", revision=revision
    ).strip()
    prefix = _git(root, "rev-parse", "--show-prefix", revision=revision).strip()
    environment = Path(os.path.relpath(target.environment.parent, root))
    if environment.parts[:1] == (os.pardir,):
        raise InputError(f"{target.environment} is outside the project; it has no revision {revision!r}")
    with tempfile.TemporaryDirectory(prefix="inferstack-") as folder:
        _extract(root, commit, Path(folder), revision)
        project = Path(folder) / prefix
        if not (project / environment).is_dir():
            return Graph((), stack=target.stack, project=target.project.name)
        output = Path(folder) / PREVIEW_FILE
        output.write_text(_preview_of(project, environment, revision), encoding="utf-8")
        return preview.read_preview(output)


def _preview_of(project: Path, environment: Path, revision: str) -> str:
    # -c puts the working directory first on the path: the revision's own packages, this interpreter's rest
    command = (sys.executable, "-c", "from inferstack.cli import main; main()")
    result = _run(
        (*command, "preview", environment.as_posix(), "--json"),
        cwd=project,
        what=f"the program at {revision}",
    )
    if result.returncode != 0:
        raise OutsideError(f"the program at {revision} does not run: {_last_line(result.stderr)}")
    return result.stdout.decode("utf-8")


def _extract(root: Path, commit: str, folder: Path, revision: str) -> None:
    top = _git(root, "rev-parse", "--show-toplevel", revision=revision).strip()
    result = _run(("git", "archive", "--format=tar", commit), cwd=Path(top), what="git archive")
    if result.returncode != 0:
        raise OutsideError(f"git archive of {revision} failed: {_last_line(result.stderr)}")
    with tarfile.open(fileobj=BytesIO(result.stdout)) as archive:
        archive.extractall(folder, filter="data")


def _git(root: Path, *arguments: str, revision: str) -> str:
    result = _run(("git", *arguments), cwd=root, what="git")
    if result.returncode != 0:
        raise InputError(
            Problem(
                message="neither a path nor a git revision of this project",
                value=revision,
                accepted="a folder that `inferstack synth` wrote, a preview file, or a git revision (HEAD~1)",
            )
        )
    return result.stdout.decode("utf-8")


def _run(command: Sequence[str], *, cwd: Path, what: str) -> subprocess.CompletedProcess[bytes]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    try:
        return subprocess.run(  # noqa: S603  fixed commands, no shell
            command, cwd=cwd, env=environment, capture_output=True, check=False, timeout=_TIMEOUT_S
        )
    except FileNotFoundError as error:
        raise OutsideError(f"{command[0]} is not installed, which comparing with a revision needs") from error
    except subprocess.TimeoutExpired as error:
        raise OutsideError(f"{what} did not finish within {_TIMEOUT_S} s") from error


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", errors="replace").strip().splitlines()
    return lines[-1].removeprefix("error: ") if lines else "no message"
