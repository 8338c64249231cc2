"""One stack under the real engine: opened once, then previewed, updated, destroyed or refreshed.

Everything the engine refuses comes back as one of our errors. An interrupt (Ctrl-C) reaches the CLI, which
finishes the steps under way and writes its state; we wait for it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pulumi import automation

from inferstack.deploy.problems import INSTALL, LockedError, explained
from inferstack.deploy.state import State, state_of
from inferstack.deploy.watch import Outcome, Watcher
from inferstack.engine.project import ENVIRONMENT_KEY, read_mapping
from inferstack.errors import BlockedError, InputError, OutsideError, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from inferstack.deploy.watch import Say
    from inferstack.engine.backend import Backend
    from inferstack.engine.project import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A stack in its backend. ``say`` gets the progress."""

    name: str
    stack: automation.Stack
    backend: Backend
    say: Say

    def state(self) -> State:
        with self._told():
            return state_of(self.stack.export_stack().deployment)

    def preview(self, pack: Path) -> Outcome:
        """What `up` would do; BlockedError when a policy of the pack refuses it."""
        return self._run(
            lambda watch: self.stack.preview(on_event=watch, policy_packs=[str(pack)], color="never")
        )

    def up(self, pack: Path) -> Outcome:
        """Create and change; BlockedError when a policy of the pack refuses it."""
        return self._run(
            lambda watch: self.stack.up(
                on_event=watch,
                policy_packs=[str(pack)],
                color="never",
                show_secrets=False,
                suppress_outputs=True,
            )
        )

    def destroy(self) -> Outcome:
        return self._run(
            lambda watch: self.stack.destroy(
                on_event=watch, color="never", show_secrets=False, suppress_outputs=True
            )
        )

    def refresh(self, *, clear_pending: bool) -> Outcome:
        """Read everything again from AWS into the state; changes nothing in AWS."""
        return self._run(
            lambda watch: self.stack.refresh(
                on_event=watch,
                color="never",
                show_secrets=False,
                suppress_outputs=True,
                clear_pending_creates=clear_pending,
            )
        )

    def outputs(self) -> Mapping[str, object]:
        """What the stack exports; secrets are masked."""
        with self._told():
            found = self.stack.outputs()
        return {name: "[secret]" if one.secret else one.value for name, one in sorted(found.items())}

    def _run(self, operation: Callable[[Watcher], object]) -> Outcome:
        """An operation, once more when only the lock of a killed run on this machine was in the way."""
        try:
            return self._once(operation)
        except LockedError as locked:
            if not (locked.abandoned and self.backend.kind == "local"):
                raise
            self.say("the last run was killed: its lock is taken away")
            with self._told():
                self.stack.cancel()
            return self._once(operation)

    def _once(self, operation: Callable[[Watcher], object]) -> Outcome:
        watch = Watcher(say=self.say)
        try:
            with _waiting_for_the_cli(self.say):
                operation(watch)
        except automation.CommandError as error:
            outcome = watch.outcome()
            if outcome.violations:
                raise BlockedError("\n".join(outcome.violations)) from error
            found = explained(error, self.name)
            if isinstance(found, OutsideError) and not isinstance(found, LockedError) and outcome.errors:
                raise OutsideError("\n".join(outcome.errors)) from error
            raise found from error
        return watch.outcome()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except automation.CommandError as error:
            raise explained(error, self.name) from error


def open_stack(target: Target, backend: Backend, say: Say) -> Opened:
    """The stack of an environment.

    Raises:
        InputError: no stack file, one of another environment, or no such stack in the backend.
        OutsideError: no Pulumi CLI, no login, no passphrase.
    """
    if shutil.which("pulumi") is None:
        raise OutsideError(f"no `pulumi` on PATH: {INSTALL}")
    _check_settings(target)
    if backend.kind == "none":
        raise OutsideError(
            "no state backend: `pulumi login` (Pulumi Cloud), `pulumi login s3://BUCKET?region=REGION`"
            " or `pulumi login --local`"
        )
    try:
        stack = automation.select_stack(stack_name=target.stack, work_dir=str(target.project.root.resolve()))
    except automation.CommandError as error:
        raise explained(error, target.stack) from error
    except automation.InvalidVersionError as error:
        raise OutsideError(str(error)) from error
    except (subprocess.CalledProcessError, OSError) as error:
        raise OutsideError(f"the Pulumi CLI on PATH does not run ({error}); {INSTALL}") from error
    return Opened(name=target.stack, stack=stack, backend=backend, say=say)


def _check_settings(target: Target) -> None:
    """The engine reads the stack file and nothing else: it must name this environment."""
    file = target.project.config_dir / f"Pulumi.{target.stack}.yaml"
    wanted, shown = target.config[ENVIRONMENT_KEY], os.path.relpath(file)
    if not file.is_file():
        text = f"config: {{{ENVIRONMENT_KEY}: {wanted}, pulumi:disable-default-providers: [aws, kubernetes]}}"
        raise InputError(Problem(message="no such stack file", file=shown, accepted=text))
    config = read_mapping(file).get("config") or {}
    stated = config.get(ENVIRONMENT_KEY) if isinstance(config, Mapping) else None
    default = f"{target.stack}/environment.yaml"
    if (target.project.main / str(stated or default)).resolve() != target.environment:
        raise InputError(
            Problem(
                message="names another environment file",
                file=shown,
                path=f"config.{ENVIRONMENT_KEY}",
                value=str(stated or default),
                accepted=wanted,
            )
        )


@contextlib.contextmanager
def _waiting_for_the_cli(say: Say) -> Iterator[None]:
    """Ctrl-C goes to the CLI as well, which must be left the time to write down what it has made."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def told(_number: int, _frame: Any) -> None:
        say("interrupted: waiting for Pulumi to finish the steps under way")

    before = signal.signal(signal.SIGINT, told)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
