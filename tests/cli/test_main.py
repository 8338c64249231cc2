"""The `inferstack` process itself: unknown commands, closed and full outputs."""

from __future__ import annotations

import subprocess
import sys

import pytest

START = (sys.executable, "-c", "from inferstack.cli import main; main()")
FULL = "/dev/full"
"""A device on which every write fails."""


def run(*arguments: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*START, *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("typed", "hint"), [("paln", "Did you mean 'plan'?"), ("polcy", "Did you mean 'policy'?"), ("zzz", None)]
)
def test_an_unknown_command_is_bad_input_and_named_with_the_nearest(typed: str, hint: str | None) -> None:
    result = run(typed)
    assert result.returncode == 2
    assert f"No such command '{typed}'." in result.stderr
    assert ("Did you mean" in result.stderr) == (hint is not None)
    assert hint is None or hint in result.stderr


def test_a_reader_that_leaves_ends_the_command_without_a_word_and_without_a_verdict() -> None:
    process = subprocess.Popen(
        [*START, "catalog", "list", "prices", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()  # what `| head` does once it has enough
    said = process.stderr.read()
    assert process.wait(timeout=60) == 3
    assert said == b""


def test_a_full_disk_is_the_outside_worlds_failure() -> None:
    with open(FULL, "wb") as full:  # noqa: PTH123 - a device, not a file
        result = run("schema", "workload", stdout=full.fileno())
    assert result.returncode == 3
    assert result.stderr == "error: No space left on device\n"
