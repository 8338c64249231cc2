"""What each example environment would create, as `inferstack preview` prints it."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferstack.engine.program import run_program
from inferstack.engine.project import resolve
from inferstack.review.changes import first_lines

HERE = Path(__file__).parent
STACKS = HERE.parents[2] / "stacks"


@pytest.mark.parametrize("env", ["dev", "prod-eu", "prod-us"])
def test_an_example_environment_creates_what_is_recorded(env, pytestconfig):
    graph = run_program(resolve(STACKS / env / "environment.yaml"))
    text = "\n".join(first_lines(graph)) + "\n"
    file = HERE / f"{env}.txt"
    if pytestconfig.getoption("--update-golden", default=False):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_every_example_environment_is_recorded():
    recorded = {file.stem for file in HERE.glob("*.txt")}
    assert recorded == {file.parent.name for file in STACKS.glob("*/environment.yaml")}
