"""What `up`, `destroy` and `refresh` share: the stack, progress, the question before, the answer after."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import click

from inferstack.cli.output import emit_json

if TYPE_CHECKING:
    from inferstack.deploy.stack import Opened
    from inferstack.deploy.state import State
    from inferstack.deploy.watch import Outcome, Step
    from inferstack.engine.project import Target

MARKS: Final = {
    "delete": "  -  ", "delete-replaced": "  -  ", "replace": " -/+ ", "update": "  ~  ", "create": "  +  ",
    "create-replacement": "  +  ", "import": "  =  ", "refresh": "  ~  ",
}  # fmt: skip
COLOURS: Final = {"  -  ": "red", " -/+ ": "magenta", "  ~  ": "yellow", "  +  ": "green"}
SHOWN: Final = 40
"""Lines of one kind of change before the rest is counted."""


def say(text: str) -> None:
    """Progress: a line on stderr, in CI too, where nobody watches and everybody reads afterwards."""
    click.echo(text, err=True)


def require_consent(*, yes: bool, command: str) -> None:
    """InputError early on, when there is nobody to ask and no --yes."""
    from inferstack.errors import InputError, Problem

    if not yes and not sys.stdin.isatty():
        message = f"{command} asks before it acts, and there is no terminal to ask on"
        raise InputError(Problem(message=message, accepted="--yes"))


def open_target(target: Target) -> Opened:
    from inferstack.deploy.stack import open_stack
    from inferstack.engine.backend import find_backend

    return open_stack(target, find_backend(target), say)


def show_pending(state: State, stack: str) -> None:
    """What a killed run left open: the next run goes on, but AWS may hold what the state does not know."""
    if not state.pending:
        return
    say(f"the last run of {stack} was interrupted; whether these succeeded is not known:")
    for pending in state.pending:
        say(f"  {pending}")
    say("  going on: what is missing is made. If a name turns out to be taken, bring it in with")
    say("  `pulumi import TYPE NAME ID`; `inferstack refresh --clear-pending` forgets this list")


def change_lines(steps: Iterable[Step]) -> Iterable[tuple[str | None, str]]:
    """Destructive changes first, at most ``SHOWN`` lines of a kind."""
    kinds = list(MARKS)
    known = sorted(
        (step for step in steps if step.operation in MARKS), key=lambda s: kinds.index(s.operation)
    )
    counts: Counter[str] = Counter()
    for step in known:
        counts[step.operation] += 1
        if counts[step.operation] <= SHOWN:
            changed = f"  ({', '.join(step.changed)})" if step.changed else ""
            mark = MARKS[step.operation]
            yield COLOURS.get(mark), f"{mark}{step}{changed}"
    for operation, count in counts.items():
        if count > SHOWN:
            yield None, f"     {count - SHOWN} more to {operation}"


def show_changes(steps: Iterable[Step]) -> None:
    for colour, line in change_lines(steps):
        click.secho(line, fg=colour, err=True)


def counted(changes: Mapping[str, int]) -> str:
    """``3 create, 1 update, 120 same``; ``nothing to do`` when all is as it should be."""
    done = {operation: count for operation, count in changes.items() if count and operation != "same"}
    if not done:
        return "nothing to do"
    same = changes.get("same", 0)
    return ", ".join(
        [*(f"{count} {operation}" for operation, count in done.items()), *([f"{same} same"] if same else [])]
    )


def summary(command: str, environment: str, outcome: Outcome, **more: object) -> dict[str, object]:
    """JSON data, version 1."""
    return {
        "version": 1,
        "command": command,
        "environment": environment,
        "changes": outcome.changes,
        "seconds": outcome.seconds,
        **more,
    }


def finish(
    document: dict[str, object], outcome: Outcome, *, as_json: bool, lines: Iterable[str] = ()
) -> None:
    if as_json:
        emit_json(document)
        return
    environment, command = document["environment"], document["command"]
    click.echo(f"{environment}: {command} done in {outcome.seconds:.0f} s: {counted(outcome.changes)}")
    for line in lines:
        click.echo(line)
