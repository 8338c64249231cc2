"""`inferstack doctor`: an example environment against an account made of moto."""

from __future__ import annotations

import json
import socket

import pytest
from click.testing import CliRunner

from inferstack.cli import cli
from inferstack.preflight.checks import CHECKS
from inferstack.preflight.needs import needs_of
from tests.example_graphs import EXAMPLES, ROOT, graph


@pytest.fixture
def doctor(world, monkeypatch, tmp_path):
    """The command for an environment in an account; host names resolve on this machine alone."""
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://state?region=eu-central-1")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("192.0.2.1", 0))])
    monkeypatch.setattr("inferstack.engine.program.run_program", lambda target: graph(target.stack))

    def run(*arguments):
        return CliRunner().invoke(cli, ["doctor", *arguments])

    return run


@pytest.mark.parametrize("name", EXAMPLES)
def test_needs_of_the_examples_are_complete(name):
    found = needs_of(graph(name))
    assert (found.environment, len(found.account)) == (name, 12)
    assert found.pools
    assert all(pool.nodes and pool.zones for pool in found.pools)
    assert [cluster.version for cluster in found.clusters] == ["1.35"]
    assert found.gateways
    assert found.buckets
    assert found.log_groups
    assert found.key_aliases
    assert found.vpcs == 1
    assert found.elastic_ips == (1 if name == "dev" else 3)


def test_an_account_that_lacks_only_the_secrets(doctor):
    result = doctor("prod-eu", "--json")
    assert result.exit_code == 1, result.output
    report = json.loads(result.output)
    failed = {found["check"] for found in report["findings"] if found["status"] == "fail"}
    assert (report["version"], report["failed"], report["undecided"]) == (1, True, False)
    assert failed <= {"secret", "gated-model"}
    assert all(found["fix"] for found in report["findings"] if found["status"] in ("fail", "warn"))


def test_one_check_that_is_fine_exits_with_0(doctor):
    result = doctor("prod-eu", "--check", "vcpu-quota", "--check", "kubernetes")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("prod-eu (123456789012, eu-central-1): 4 ok")


def test_the_wrong_account_exits_with_1(doctor):
    result = doctor("dev", "--quiet")
    assert result.exit_code == 1
    assert "credentials are of account 123456789012, the environment is of 111122223333" in result.output


def test_an_unknown_check_exits_with_3(doctor, world):
    world.fail("GetServiceQuota", "ThrottlingException", "Rate exceeded")
    result = doctor("prod-eu", "--check", "vcpu-quota")
    assert result.exit_code == 3
    assert "ThrottlingException: Rate exceeded" in result.output


def test_no_such_check_is_bad_input(doctor):
    result = doctor("prod-eu", "--check", "quota")
    assert getattr(result.exception, "exit_code", None) == 2


def test_every_check_is_in_the_manual():
    text = (ROOT / "docs/deploying.md").read_text()
    assert not [check.id for check in CHECKS if f"`{check.id}`" not in text]
