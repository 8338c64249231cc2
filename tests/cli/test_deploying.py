"""`up`, `destroy`, `refresh`: what they ask, what they refuse, and that they touch nothing before."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from inferstack.cli import cli
from inferstack.deploy.state import Held, Pending, State
from inferstack.deploy.watch import Outcome, Step
from inferstack.errors import BlockedError, InputError, OutsideError
from inferstack.preflight.types import Finding, Report, Status
from tests.example_graphs import folder, graph


def held(name, **more):
    values = {"type": "aws:s3/bucket:Bucket", "id": name, "custom": True, "protect": False, "retain": False}
    return Held(urn=f"urn:pulumi:dev::p::t::{name}", **(values | more))


class Engine:
    """Stands where the real engine does, and writes down what it is told."""

    name = "dev"

    def __init__(self, *resources, pending=()):
        self.done = []
        self._state = State(resources=resources, pending=pending)

    def state(self):
        return self._state

    def outputs(self):
        return {"gatewayUrl": "https://llm.dev.example.com/v1"}

    def _outcome(self, name):
        self.done.append(name)
        steps = (Step(operation="create", type="aws:ec2/vpc:Vpc", name="dev-network", urn="u"),)
        return Outcome(changes={"create": 1, "same": 2}, steps=steps, seconds=3.2)

    def preview(self, pack):
        assert (pack / "PulumiPolicy.yaml").is_file()
        return self._outcome("preview")

    def up(self, pack):
        return self._outcome("up")

    def destroy(self):
        return self._outcome("destroy")

    def refresh(self, *, clear_pending):
        return self._outcome(f"refresh clear={clear_pending}")


@pytest.fixture
def command(monkeypatch):
    """Runs a command with an engine, and ``answer`` on a terminal that is there or not."""

    def run(engine, *arguments, answer=None):
        for name in ("up", "destroy", "refresh"):
            monkeypatch.setattr(f"inferstack.cli.{name}.open_target", lambda _: engine)
            if answer is not None:
                monkeypatch.setattr(f"inferstack.cli.{name}.require_consent", lambda **_: None)
        return CliRunner().invoke(cli, list(arguments), input=answer)

    for name in ("up", "destroy", "refresh"):
        __import__(f"inferstack.cli.{name}")
    return run


def test_destroy_shows_what_is_kept_and_wants_the_name(command):
    engine = Engine(held("weights", retain=True), held("vpc"))
    result = command(engine, "destroy", str(folder("dev")), answer="prod\n")
    assert (result.exit_code, engine.done) == (1, [])
    assert "1 resources are removed, 1 are kept in AWS" in result.output
    assert "kept: aws:s3/bucket:Bucket weights (weights)" in result.output
    assert "nothing was changed" in result.output
    result = command(engine, "destroy", str(folder("dev")), answer="dev\n")
    assert (result.exit_code, engine.done) == (0, ["destroy"])


def test_destroy_names_the_buckets_that_must_be_empty(command):
    engine = Engine(held("weights", must_be_empty=True))
    result = command(engine, "destroy", str(folder("dev")), "--yes")
    assert "only when it is empty, old versions too: aws:s3/bucket:Bucket weights" in result.stderr
    assert engine.done == ["destroy"]


@pytest.mark.parametrize(
    ("resource", "says"),
    [
        (
            held("db-1", type="aws:rds/instance:Instance", deletion_protection=True),
            "aws rds modify-db-instance --db-instance-identifier db-1 --no-deletion-protection",
        ),
        (held("vpc", protect=True), "pulumi state unprotect --all --stack dev"),
        (held("cluster", deletion_protection=True), "cluster.deletionProtection: false, then inferstack up dev"),
    ],
)  # fmt: skip
def test_destroy_refuses_what_is_protected(command, resource, says):
    engine = Engine(resource)
    result = command(engine, "destroy", str(folder("dev")), "--yes")
    assert isinstance(result.exception, BlockedError)
    assert says in str(result.exception)
    assert engine.done == []


def test_destroy_as_json(command):
    engine = Engine(held("weights", retain=True))
    result = command(engine, "destroy", str(folder("dev")), "--yes", "--json")
    document = json.loads(result.stdout)
    assert (document["version"], document["command"], document["environment"]) == (1, "destroy", "dev")
    assert document["retained"] == ["aws:s3/bucket:Bucket weights (weights)"]
    assert document["changes"] == {"create": 1, "same": 2}


def test_refresh_lists_what_was_left_open_until_it_is_cleared(command):
    pending = Pending(operation="creating", urn="urn:pulumi:dev::p::t::vpc", type="aws:ec2/vpc:Vpc")
    engine = Engine(pending=(pending,))
    result = command(engine, "refresh", str(folder("dev")), "--yes")
    assert "creating aws:ec2/vpc:Vpc vpc" in result.stderr
    assert "inferstack refresh --clear-pending" in result.stderr
    result = command(engine, "refresh", str(folder("dev")), "--yes", "--clear-pending", "--json")
    assert json.loads(result.stdout)["differed"][0]["name"] == "dev-network"
    assert engine.done == ["refresh clear=False", "refresh clear=True"]


def report(*statuses):
    findings = tuple(Finding(check="c", status=status, what="what", where="where") for status in statuses)
    return Report(environment="dev", account="1", region="r", identity="arn", findings=findings)


@pytest.fixture
def up(command, monkeypatch):
    """`up dev` with a verdict that is known, an account as given, and an engine."""

    def run(*arguments, found=(Status.OK,), missing=(), name="dev", answer=None):
        engine = Engine()
        monkeypatch.setattr("inferstack.engine.program.run_program", lambda _: graph(name))
        monkeypatch.setattr("inferstack.cli.doctor.examined", lambda *_, **__: report(*found))
        if not missing:
            monkeypatch.setattr("inferstack.cli.up._require_secrets", lambda _: None)
        return command(engine, "up", str(folder(name)), *arguments, answer=answer), engine.done

    return run


def test_up_previews_asks_and_deploys(up):
    result, done = up(answer="y\n")
    assert (result.exit_code, done) == (0, ["preview", "up"])
    assert "  +  aws:ec2/vpc:Vpc dev-network" in result.output
    assert "dev: up done in 3 s: 1 create, 2 same" in result.output
    result, done = up(answer="n\n")
    assert (result.exit_code, done) == (1, ["preview"])


def test_up_as_json_has_bill_and_outputs(up):
    result, done = up("--yes", "--skip-preview", "--json")
    document = json.loads(result.stdout)
    assert done == ["up"]
    assert document["outputs"] == {"gatewayUrl": "https://llm.dev.example.com/v1"}
    assert float(document["total_monthly"]) > 100


@pytest.mark.parametrize(
    ("found", "arguments", "error", "done"),
    [
        ((Status.OK, Status.FAIL), (), BlockedError, []),
        ((Status.FAIL, Status.UNKNOWN), ("--accept-unknown",), BlockedError, []),
        ((Status.UNKNOWN,), (), OutsideError, []),
        ((Status.UNKNOWN,), ("--accept-unknown",), None, ["preview", "up"]),
        ((Status.WARN,), (), None, ["preview", "up"]),
        ((Status.FAIL,), ("--skip-doctor",), None, ["preview", "up"]),
    ],
)
def test_up_and_what_doctor_found(up, found, arguments, error, done):
    result, told = up("--yes", *arguments, found=found)
    assert told == done
    assert (type(result.exception) if result.exception else None) is error


def test_up_of_what_the_policy_refuses_never_reaches_the_engine(up):
    result, done = up("--yes", name="qwen-provenance-ban")
    assert isinstance(result.exception, BlockedError)
    assert "policy finding" in str(result.exception)
    assert done == []


def test_up_without_its_secrets_is_bad_input(up):
    result, done = up("--yes", missing=("gatewayMasterKey",))
    assert isinstance(result.exception, InputError)
    assert "pulumi config set --secret inferstack:gatewayMasterKey" in str(result.exception)
    assert done == []
