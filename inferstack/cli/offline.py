"""The program of an environment, run without an engine: what most commands start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferstack.cli.env import find_environment
from inferstack.cli.output import progress
from inferstack.engine.program import run_program
from inferstack.engine.project import resolve

if TYPE_CHECKING:
    from inferstack.engine.graph import Graph
    from inferstack.engine.project import Target


def offline(env: str) -> tuple[Target, Graph]:
    """Where the environment is deployed, and everything that its program makes; InputError when it cannot."""
    target = resolve(find_environment(env))
    progress(f"running the program of {target.stack} offline")
    return target, run_program(target)
