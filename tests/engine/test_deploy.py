"""`inferstack up`, `refresh` and `destroy` under the real engine: create, update, replace, destroy; and broken runs."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from inferstack.engine.program import run_program
from inferstack.engine.project import resolve
from tests.engine.deployed import SECRET, Deployed, ok, type_of
from tests.engine.harness import missing

pytestmark = pytest.mark.engine

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
CLUSTER = "aws:eks/cluster:Cluster"
ADDON = "aws:eks/addon:Addon"
NETWORK = ("aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/routeTable:RouteTable")
NEVER_LOST = ("aws:ec2/vpc:Vpc", CLUSTER, "aws:s3/bucket:Bucket", "aws:kms/key:Key")
UP = ("up", "dev", "--yes", "--skip-doctor", "--json")


@pytest.fixture
def dev(tmp_path):
    reason = missing()
    if reason:
        pytest.skip(reason)
    made = Deployed.make(tmp_path)
    yield made
    made.remove()


def positions(log, operation, *types):
    return [at for at, (done, urn) in enumerate(log) if done == operation and type_of(urn) in types]


def late_addons(log):
    """Add-ons made after the system nodes were there."""
    system = positions(log, "created", NODE_GROUP)[0]
    return {
        urn
        for at, (done, urn) in enumerate(log)
        if done == "creating" and type_of(urn) == ADDON and at > system
    }


def test_the_life_of_an_environment(dev):
    graph = run_program(resolve(dev.root / "stacks/dev/environment.yaml"))
    created = ok(dev.run(*UP))
    managed = {resource.urn for resource in graph.managed()}
    assert set(dev.urns("created")) == managed
    assert created["changes"] == {"create": len(graph)}
    assert created["outputs"]["gatewayUrl"] == "https://llm.dev.example.com/v1"
    late = late_addons(dev.log())
    assert late

    dev.clear_log()
    refused = dev.run("destroy", "dev", "--yes")
    assert refused.returncode == 1
    assert "cluster.deletionProtection: false" in refused.stderr
    assert dev.log() == []

    dev.edit("environment.yaml", "gpuNodes: managed}", "gpuNodes: managed, deletionProtection: false}")
    changed = ok(dev.run(*UP))
    assert set(changed["changes"]) == {"update", "same"}
    assert [type_of(urn) for urn in dev.urns("updated")] == [CLUSTER]

    dev.clear_log()
    dev.edit("workloads/assistant.yaml", "purchase: [spot]", "purchase: [on-demand]")
    dev.edit("workloads/assistant.yaml", "monthlyUsd: 900", "monthlyUsd: 5000")
    dev.edit("environment.yaml", "monthlyUsd: 1500", "monthlyUsd: 5000")
    replaced = ok(dev.run(*UP))
    assert replaced["changes"].get("replace") or replaced["changes"].get("create-replacement")
    log = dev.log()
    made, gone = positions(log, "created", NODE_GROUP), positions(log, "deleted", NODE_GROUP)
    assert len(made) == len(gone) == 1
    assert made < gone, "new nodes are there before the old ones go"
    assert not positions(log, "deleted", *NEVER_LOST)
    assert not positions(log, "created", *NEVER_LOST)

    unchanged = ok(dev.run("refresh", "dev", "--yes", "--json"))
    assert unchanged["differed"] == []

    dev.clear_log()
    destroyed = ok(dev.run("destroy", "dev", "--yes", "--json"))
    check_destroyed(dev, destroyed, managed, late)


def check_destroyed(dev, destroyed, managed, late):
    log = dev.log()
    deleted = [urn for done, urn in log if done == "deleted"]
    assert len(deleted) + len(destroyed["retained"]) == len(managed)
    workloads = [at for at, (_, urn) in enumerate(log) if type_of(urn).startswith("kubernetes:")]
    last_addons = [at for at, (_, urn) in enumerate(log) if urn in late]
    nodes, cluster = positions(log, "deleted", NODE_GROUP), positions(log, "deleted", CLUSTER)
    network = positions(log, "deleted", *NETWORK)
    assert len(nodes) == 2
    assert len(cluster) == 1
    assert max(workloads) < min(last_addons)
    system = next(at for at in nodes if "system" in log[at][1])
    assert max(last_addons) < system
    assert max(nodes) < cluster[0]
    assert cluster[0] < min(network)
    assert not dev.state().get("resources")


def test_a_killed_up_is_taken_up_by_the_next(dev):
    graph = run_program(resolve(dev.root / "stacks/dev/environment.yaml"))
    managed = {resource.urn for resource in graph.managed()}
    running = dev.start(*UP, "--skip-preview", ECHO_DELAY_S="0.3")
    deadline = time.monotonic() + 300
    while len(dev.urns("created")) < 15:
        assert time.monotonic() < deadline
        assert running.poll() is None, running.stdout.read()[-3000:]
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    before = set(dev.urns("created"))
    assert 15 <= len(before) < len(managed)
    pending = {operation["resource"]["urn"] for operation in dev.state().get("pending_operations") or ()}

    result = dev.run(*UP, "--skip-preview")
    if "failed to load checkpoint" in result.stderr:
        assert "STACK.json.bak" in result.stderr
        dev.put_back_the_state()
        result = dev.run(*UP, "--skip-preview")
    second = ok(result)
    assert "its lock is taken away" in result.stderr
    twice = [urn for urn in managed if dev.urns("created").count(urn) > 1]
    assert set(dev.urns("created")) == managed
    assert set(twice) <= pending | before
    assert len(twice) <= 20, "what was there was not made again"
    assert second["changes"]["create"] < len(graph)
    if pending:
        assert "was interrupted; whether these succeeded is not known" in result.stderr
        cleared = ok(dev.run("refresh", "dev", "--yes", "--clear-pending", "--json"))
        assert cleared["pending"] == 0


def test_an_interrupt_lets_the_steps_under_way_finish(dev):
    running = dev.start(*UP, "--skip-preview", ECHO_DELAY_S="1")
    deadline = time.monotonic() + 300
    while len(dev.urns("created")) < 5:
        assert time.monotonic() < deadline
        assert running.poll() is None, running.stdout.read()[-3000:]
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)
    said, _ = running.communicate(timeout=120)
    assert running.returncode == 3, said
    assert "interrupted: waiting for Pulumi to finish the steps under way" in said
    assert "Traceback" not in said
    assert dev.urns("creating") == [urn for urn in dev.urns("creating") if urn in dev.urns("created")]
    assert not dev.state().get("pending_operations")
    result = dev.run(*UP, "--skip-preview")
    ok(result)
    assert "its lock is taken away" not in result.stderr
    assert len(dev.urns("created")) == len(set(dev.urns("created"))), "nothing was made twice"


def test_what_aws_refuses_is_said_and_the_next_run_goes_on(dev):
    failed = dev.run(*UP, "--skip-preview", ECHO_FAIL="dev-assistant-gpus")
    assert failed.returncode == 3
    assert "InsufficientInstanceCapacity: no such capacity" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert ok(dev.run(*UP, "--skip-preview"))["changes"]["create"] > 0


def test_policy_and_budget_stop_it_before_the_engine_runs(dev):
    dev.edit("environment.yaml", "monthlyUsd: 1500", "monthlyUsd: 1")
    result = dev.run(*UP)
    assert result.returncode == 1
    assert "over budget" in result.stderr
    assert dev.log() == []


def test_doctor_stops_it_without_credentials(dev):
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    result = dev.run("up", "dev", "--yes", AWS_EC2_METADATA_DISABLED="true", **nowhere)
    assert result.returncode == 3
    assert "no AWS credentials that work" in result.stderr
    assert dev.log() == []


def test_stack_files_and_secrets_that_are_missing_are_bad_input(dev):
    settings = dev.root / "stacks/Pulumi.dev.yaml"
    text = settings.read_text()
    settings.write_text(text.replace(f"  inferstack:gatewayMasterKey: {SECRET}\n", ""))
    result = dev.run(*UP)
    assert result.returncode == 2
    assert "pulumi config set --secret inferstack:gatewayMasterKey" in result.stderr
    settings.write_text(text.replace("dev/environment.yaml", "prod-eu/environment.yaml"))
    assert "names another environment file" in dev.run(*UP).stderr
    settings.unlink()
    result = dev.run(*UP)
    assert (result.returncode, "no such stack file" in result.stderr) == (2, True)


def test_a_stack_that_is_not_there_and_a_wrong_passphrase(dev):
    result = dev.run("up", "prod-eu", "--yes", "--skip-doctor")
    assert (result.returncode, "pulumi stack init prod-eu" in result.stderr) == (2, True), result.stderr
    dev.pulumi("config", "set", "--secret", "inferstack:gatewayMasterKey", "sk-test", "--stack", "dev")
    result = dev.run(*UP, PULUMI_CONFIG_PASSPHRASE="another")
    assert result.returncode == 3
    assert "PULUMI_CONFIG_PASSPHRASE" in result.stderr


def test_a_stack_that_another_process_holds(dev):
    """A lock of another machine is never taken away."""
    locks = dev.engine.home / "state/.pulumi/locks/organization/inferstack/dev"
    locks.mkdir(parents=True, exist_ok=True)
    content = {"pid": 1, "username": "anna", "hostname": "ci-7", "timestamp": "2026-11-24T10:00:00Z"}
    (locks / "1234.json").write_text(json.dumps(content))
    result = dev.run(*UP, "--skip-preview")
    assert result.returncode == 3, result.stderr
    assert "anna@ci-7" in result.stderr
    assert "pulumi cancel --stack dev" in result.stderr
    assert dev.log() == []
