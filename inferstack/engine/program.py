"""Runs a Pulumi program in this process, offline, and returns the graph of what it registers.

The program meets Pulumi's own Python runtime, configured as the language host configures it for
`pulumi preview`; only the monitor at the other end records instead of deploying (see ``record``). A run
either gives the whole graph or raises: an exception anywhere in the program, in an ``apply`` or in a
registration ends it, and so does an error the program logs.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import io
import os
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pulumi
import pulumi.runtime

from inferstack.engine.graph import Graph, in_apply_order
from inferstack.engine.project import Target, providers_required
from inferstack.engine.record import Diagnostic, EngineLog, Monitor, Recording
from inferstack.engine.urns import ROOT_STACK_TYPE
from inferstack.engine.wire import MASK
from inferstack.errors import InferstackError, InputError, OutsideError, Problem

TIMEOUT_S: Final = 300.0
"""A program that waits for an output nobody resolves would wait for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Under which name, configuration and working directory a program runs."""

    stack: str = "test"
    project: str = "inferstack"
    organization: str = "organization"
    config: Mapping[str, str] = field(default_factory=dict)
    secret_keys: tuple[str, ...] = ()
    working_directory: Path | None = None
    root: Path | None = None
    """Folder of the project; places in error messages are relative to it."""
    timeout_s: float = TIMEOUT_S


def run_program(target: Target) -> Graph:
    """The graph of a stack: its program, run with its configuration in its own folder."""
    project = target.project
    if not (project.main / "__main__.py").is_file():
        raise InputError(Problem(message="no program here (no __main__.py)", file=str(project.main)))
    run = Run(
        stack=target.stack,
        project=project.name,
        config=target.config,
        secret_keys=target.secret_keys,
        working_directory=project.main,
        root=project.root,
    )
    return run_function(lambda: _run_main(project.main), run)


def run_function(program: Callable[[], object], run: Run | None = None) -> Graph:
    """The graph of whatever ``program`` registers; for components and rules on their own."""
    run = run or Run()
    monitor = Monitor(stack=run.stack, project=run.project, providers_required=providers_required(run.config))
    with (
        _garbage_collection_paused(),
        _working_directory(run.working_directory),
        _printing_to(monitor.recording),
    ):
        # An empty context: nothing of an earlier run, of mocks or of the caller is visible to the program.
        contextvars.Context().run(_execute, program, run, monitor)
    return _graph(run, monitor.recording)


def _run_main(folder: Path) -> None:
    """Runs the folder's program as the language host does, from its source.

    Run as a folder it would come through the import system, whose cached bytecode is stale for a second
    after an edit that keeps the file's size.
    """
    sys.path.insert(0, str(folder))
    try:
        runpy.run_path(str(folder / "__main__.py"), run_name="__main__")
    finally:
        sys.path.remove(str(folder))


def _execute(program: Callable[[], object], run: Run, monitor: Monitor) -> None:
    pulumi.runtime.set_all_config(dict(run.config), list(run.secret_keys))
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=run.project,
            stack=run.stack,
            organization=run.organization,
            root_directory=str(run.root or Path.cwd()),
            dry_run=True,
            monitor=monitor,
            engine=EngineLog(monitor.recording),
        )
    )

    def call() -> None:
        program()

    loop = asyncio.new_event_loop()
    # Tasks that are left over when a program fails have nothing to add to the error that is raised.
    loop.set_exception_handler(lambda _loop, _context: None)
    asyncio.set_event_loop(loop)
    with ThreadPoolExecutor(max_workers=1) as one_at_a_time:
        loop.set_default_executor(one_at_a_time)
        try:
            error = _outcome(loop, call, run.timeout_s)
        except SystemExit as stopped:
            error = stopped
        finally:
            _discard(loop)
    if error is None:
        return
    designed = _designed_cause(error)
    if designed is not None:
        raise designed
    raise _explained(error, run.root) from error


def _outcome(
    loop: asyncio.AbstractEventLoop, call: Callable[[], None], timeout_s: float
) -> BaseException | None:
    """Run to the end; what went wrong, or None."""
    task = loop.create_task(pulumi.runtime.run_in_stack(call))
    done, _ = loop.run_until_complete(asyncio.wait({task}, timeout=timeout_s))
    if not done:
        return OutsideError(
            f"the program did not finish within {timeout_s:.0f} s: does it wait for an output?"
        )
    return task.exception()


def _discard(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what a failed program left behind, and give the thread its clean state back."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=5.0))
    asyncio.set_event_loop(None)
    loop.close()


def _explained(error: BaseException, root: Path | None) -> InputError:
    """An error of the program in our words, with its place in the program."""
    place = _place(error, root)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return InputError(Problem(message=f"the program failed: {what}", file=place[0], line=place[1]))


def _designed_cause(error: BaseException | None) -> InferstackError | None:
    """The designed error (InputError and its like) that an exception is, or comes from."""
    while error is not None:
        if isinstance(error, InferstackError):
            return error
        error = error.__cause__
    return None


def _place(error: BaseException, root: Path | None) -> tuple[str | None, int | None]:
    """File and line of the innermost frame inside the project."""
    if root is None:
        return None, None
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(root) and "site-packages" not in path.parts:
            return path.relative_to(root).as_posix(), frame.lineno
    return None, None


def _graph(run: Run, recording: Recording) -> Graph:
    errors = [found.message for found in recording.diagnostics if found.severity == "error"]
    if errors:
        raise InputError(*(Problem(message=f"the program reports: {message}") for message in errors))
    stack = [found for found in recording.resources.values() if found.type == ROOT_STACK_TYPE]
    return Graph(
        resources=in_apply_order(recording.resources.values()),
        stack=run.stack,
        project=run.project,
        config={key: MASK if key in run.secret_keys else text for key, text in sorted(run.config.items())},
        outputs=dict(sorted(recording.outputs.get(stack[0].urn, {}).items())) if stack else {},
        diagnostics=tuple(sorted(recording.diagnostics, key=lambda found: (found.severity, found.message))),
    )


@contextlib.contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    """The providers' SDKs make a million objects that all live on; collecting meanwhile costs 20 %."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextlib.contextmanager
def _working_directory(folder: Path | None) -> Iterator[None]:
    before = Path.cwd()
    if folder is not None:
        os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _printing_to(recording: Recording) -> Iterator[None]:
    """What a program prints is information for people, as under `pulumi`; it must not mix with our output."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        yield
    for line in printed.getvalue().splitlines():
        recording.diagnostics.append(Diagnostic(severity="info", message=line))
