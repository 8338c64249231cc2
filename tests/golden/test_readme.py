"""The README shows what the command really prints."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from inferstack.cli import cli

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
COMMAND = ("plan", "stacks/prod-eu/workloads/chat.yaml")
START, END = "<!-- example -->\n", "<!-- /example -->\n"


def test_the_example_plan_is_what_the_command_prints(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(ROOT)
    printed = CliRunner().invoke(cli, COMMAND, catch_exceptions=False).output
    text = README.read_text(encoding="utf-8")
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    assert tail, "README lost its example markers"
    block = f"```console\n$ inferstack {' '.join(COMMAND)}\n{printed.rstrip()}\n```\n"
    if request.config.getoption("--update-golden"):
        README.write_text(head + START + block + END + tail, encoding="utf-8")
        return
    assert text == head + START + block + END + tail
