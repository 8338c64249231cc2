"""The graphs of the example environments and blocked cases, run once for all tests of a session."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from inferstack.engine.graph import Graph
from inferstack.engine.program import run_program
from inferstack.engine.project import resolve

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ("dev", "prod-eu", "prod-us")
BLOCKED = tuple(sorted(path.name for path in (ROOT / "tests" / "blocked").iterdir() if path.is_dir()))


def folder(name: str) -> Path:
    return ROOT / ("stacks" if name in EXAMPLES else "tests/blocked") / name


@cache
def graph(name: str) -> Graph:
    """The offline graph of an environment under ``stacks/`` or a case under ``tests/blocked/``."""
    return run_program(resolve(folder(name) / "environment.yaml"))
