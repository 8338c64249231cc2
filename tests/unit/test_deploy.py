"""What the engine says, understood: its errors, its events and its state."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner
from pulumi import automation
from pulumi.automation import EngineEvent

from inferstack.cli import cli
from inferstack.cli.deploying import change_lines, counted
from inferstack.deploy.problems import LockedError, explained, holders
from inferstack.deploy.stack import Opened, open_stack
from inferstack.deploy.state import state_of
from inferstack.deploy.watch import Step, Watcher, clean
from inferstack.engine.backend import Backend
from inferstack.engine.project import resolve
from inferstack.errors import BlockedError, InputError, OutsideError
from tests.example_graphs import folder

LOCK = (
    "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete"
    " the lock file with `pulumi cancel`.\n  file:///state/1.json: created by anna@{} (pid {}) at 2026-11-24T10:00:00Z"
)
URN = "urn:pulumi:dev::inferstack::a:index:A$aws:ec2/vpc:Vpc::dev-network"


def failure(kind, stderr):
    return kind(automation._cmd.CommandResult(stdout="", stderr=stderr, code=255))


def no_longer_running():
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


@pytest.mark.parametrize(
    ("kind", "stderr", "expected", "says"),
    [
        (automation.StackNotFoundError, "error: no stack named 'dev' found", InputError, "pulumi stack init dev"),
        (automation.ConcurrentUpdateError, LOCK.format("ci-7", 12), LockedError, "anna@ci-7, process 12, since"),
        (automation.ConcurrentUpdateError, "[409] Conflict: Another update is currently in progress.", LockedError, "another update"),
        (automation.CommandError, "error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE", OutsideError, "set PULUMI_CONFIG_PASSPHRASE"),
        (automation.CommandError, "error: failed to load checkpoint: EOF", OutsideError, "STACK.json.bak"),
        (automation.CommandError, "error: incorrect passphrase", OutsideError, "is not the one"),
        (automation.CommandError, "error: PULUMI_ACCESS_TOKEN must be set for login", OutsideError, "pulumi login"),
        (automation.CommandError, "", OutsideError, "did not say why"),
    ],
)  # fmt: skip
def test_errors_of_the_cli(kind, stderr, expected, says):
    found = explained(failure(kind, stderr), "dev")
    assert isinstance(found, expected)
    assert says in str(found)


def test_a_lock_is_abandoned_only_by_a_dead_process_of_this_machine():
    here, dead = socket.gethostname(), no_longer_running()
    assert LockedError("dev", holders(LOCK.format(here, dead))).abandoned
    assert not LockedError("dev", holders(LOCK.format(here, os.getpid()))).abandoned
    assert not LockedError("dev", holders(LOCK.format("elsewhere", dead))).abandoned
    assert not LockedError("dev", ()).abandoned
    both = (*holders(LOCK.format(here, dead)), *holders(LOCK.format("elsewhere", 1)))
    assert not LockedError("dev", both).abandoned


class Stack:
    """Answers as the Automation API does; the first update meets a lock."""

    def __init__(self, error):
        self.errors, self.cancelled = [error], 0

    def up(self, **options):
        if self.errors:
            raise self.errors.pop()

    def cancel(self):
        self.cancelled += 1


def opened(error, url):
    said = []
    stack = Stack(error)
    return Opened(name="dev", stack=stack, backend=Backend(url=url), say=said.append), stack, said


def test_an_abandoned_lock_is_taken_away_in_a_local_backend_alone(tmp_path):
    error = failure(automation.ConcurrentUpdateError, LOCK.format(socket.gethostname(), no_longer_running()))
    local, stack, said = opened(error, "file:///state")
    assert local.up(tmp_path).changes == {}
    assert stack.cancelled == 1
    assert "lock is taken away" in said[0]
    bucket, stack, _ = opened(error, "s3://state")
    with pytest.raises(LockedError, match="which no longer runs"):
        bucket.up(tmp_path)
    assert stack.cancelled == 0


def metadata(op, **more):
    return {"op": op, "urn": URN, "type": "aws:ec2/vpc:Vpc", "provider": ""} | more


def event(**parts):
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, **parts})


def test_events_become_lines_steps_and_counts():
    said = []
    watch = Watcher(say=said.append)
    watch(event(resourcePreEvent={"metadata": metadata("same")}))
    watch(event(resourcePreEvent={"metadata": metadata("update", diffs=["tags"])}))
    watch(event(resOutputsEvent={"metadata": metadata("update")}))
    watch(event(resourcePreEvent={"metadata": metadata("create"), "planning": True}))
    watch(
        event(
            diagnosticEvent={
                "message": "<{%fg 1%}>quota\nexceeded<{%reset%}>",
                "severity": "error",
                "urn": URN,
            }
        )
    )
    watch(event(diagnosticEvent={"message": "update failed", "severity": "error"}))
    watch(
        event(
            policyEvent={
                "message": "no licence",
                "policyName": "INF-LIC-001",
                "enforcementLevel": "mandatory",
            }
        )
    )
    watch(event(policyEvent={"message": "hm", "policyName": "INF-LIC-002", "enforcementLevel": "advisory"}))
    watch(event(summaryEvent={"resourceChanges": {"same": 3, "update": 1}, "durationSeconds": 2}))
    outcome = watch.outcome()
    assert said[0] == "updating aws:ec2/vpc:Vpc dev-network"
    assert said[1].startswith("done      aws:ec2/vpc:Vpc dev-network  0 s")
    assert len(said) == 2
    assert [(step.operation, step.changed) for step in outcome.steps] == [
        ("update", ("tags",)),
        ("create", ()),
    ]
    assert outcome.changes == {"same": 3, "update": 1}
    assert outcome.changed == 1
    assert outcome.errors == ("dev-network: quota exceeded",)
    assert outcome.violations == ("INF-LIC-001: no licence",)


def test_a_failing_program_is_told_by_its_last_line_not_its_stack():
    text = "Program failed with an unhandled exception:\nTraceback (most recent call last):\n  File x\nValueError: no such zone\n"
    assert clean(text) == "Program failed with an unhandled exception: ValueError: no such zone"


def test_a_policy_that_refuses_is_a_block_not_a_failure(tmp_path):
    class Refused(Stack):
        def up(self, on_event, **options):
            violation = {"message": "no", "policyName": "INF-RES-001", "enforcementLevel": "mandatory"}
            on_event(event(policyEvent=violation))
            raise failure(automation.CommandError, "error: update failed")

    refused = Opened(name="dev", stack=Refused(None), backend=Backend(url="file:///s"), say=click.echo)
    with pytest.raises(BlockedError, match="INF-RES-001: no"):
        refused.up(tmp_path)


def test_state_knows_what_is_protected_kept_guarded_and_pending():
    def resource(name, **more):
        urn = f"urn:pulumi:dev::p::{more.get('type', 'aws:s3/bucket:Bucket')}::{name}"
        return {"urn": urn, "type": "aws:s3/bucket:Bucket", "custom": True, "id": name} | more

    cluster = {"type": "aws:eks/cluster:Cluster", "inputs": {"deletionProtection": True}}
    document = {
        "resources": [
            resource("stack", type="pulumi:pulumi:Stack", custom=False),
            resource("provider", type="pulumi:providers:aws", protect=True),
            resource("weights", retainOnDelete=True),
            resource("vpc", protect=True),
            resource("flow-logs", inputs={"forceDestroy": True}),
            resource("dev-weights"),
            resource("cluster", **cluster),
        ],
        "pending_operations": [{"type": "creating", "resource": resource("half")}],
    }
    state = state_of(document)
    assert [one.name for one in state.managed] == ["weights", "vpc", "flow-logs", "dev-weights", "cluster"]
    assert [one.name for one in state.protected] == ["vpc"]
    assert [one.name for one in state.retained] == ["weights"]
    assert [one.name for one in state.guarded] == ["cluster"]
    assert [one.name for one in state.to_empty] == ["vpc", "dev-weights"]
    assert [str(one) for one in state.pending] == ["creating aws:s3/bucket:Bucket half"]
    assert state_of(None).resources == ()


def test_destructive_changes_come_first_and_long_lists_are_counted():
    steps = [Step(operation="create", type="t", name=f"n{number}", urn="u") for number in range(45)]
    steps.append(Step(operation="delete", type="t", name="gone", urn="u"))
    lines = [line for _, line in change_lines(steps)]
    assert lines[0] == "  -  t gone"
    assert lines[-1] == "     5 more to create"
    assert len(lines) == 42
    assert counted({"create": 3, "same": 2}) == "3 create, 2 same"
    assert counted({"same": 9}) == counted({}) == "nothing to do"


def test_without_the_cli_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    target = resolve(folder("dev") / "environment.yaml")
    with pytest.raises(OutsideError, match=r"pulumi\.com/docs/install"):
        open_stack(target, Backend(url="file:///s"), click.echo)


def test_a_cli_that_does_not_run_is_no_traceback(monkeypatch, tmp_path):
    program = tmp_path / "pulumi"
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    target = resolve(folder("dev") / "environment.yaml")
    with pytest.raises(OutsideError, match=r"does not run .*exit status 7"):
        open_stack(target, Backend(url="file:///s"), click.echo)


@pytest.mark.parametrize("command", ["up", "destroy", "refresh"])
def test_without_a_terminal_they_want_yes(command):
    result = CliRunner().invoke(cli, [command, str(folder("dev"))])
    assert isinstance(result.exception, InputError)
    assert "--yes" in str(result.exception)


@pytest.mark.parametrize("command", ["doctor", "up", "destroy", "refresh"])
def test_help_has_an_example_and_the_exit_codes(command):
    result = CliRunner().invoke(cli, [command, "--help"])
    assert result.exit_code == 0
    assert "Example:" in result.output
    assert "Exit codes: 0" in result.output


def test_nothing_to_agree_to_without_a_preview():
    result = CliRunner().invoke(cli, ["up", str(folder("dev")), "--skip-preview"])
    assert result.exit_code == 2


def test_a_machine_nobody_logged_in_on(monkeypatch, tmp_path):
    program = tmp_path / "pulumi"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    target = resolve(folder("dev") / "environment.yaml")
    with pytest.raises(OutsideError, match="pulumi login"):
        open_stack(target, Backend(url=None), click.echo)
