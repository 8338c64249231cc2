"""The policy pack under the real engine: it blocks what it must, and says what the offline verdict says."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.engine.program import run_program
from inferstack.engine.project import resolve
from inferstack.policy.knowledge import CatalogKnowledge
from inferstack.policy.pack import load_pack
from inferstack.policy.run import evaluate
from inferstack.policy.types import Status
from tests.engine.harness import ROOT

pytestmark = pytest.mark.engine

PACK = ROOT / "policies"
BLOCKED = {
    "command-r-plus-commercial": "INF-LIC",
    "llama-over-700m-users": "INF-LIC",
    "cross-region-bucket": "INF-RES",
    "qwen-provenance-ban": "INF-PRO",
}
"""Case → family of the rule that must block it."""


def under_the_engine(engine, env):
    """Exit status, and the ids of mandatory rules that found something."""
    target = resolve(ROOT / env / "environment.yaml")
    config = dict(target.config)
    result = engine.preview(ROOT, target.stack, config, "--policy-pack", str(PACK), json_=False)
    assert "panic" not in result.stdout + result.stderr
    assert "can't run policy" not in result.stdout, "a policy was downgraded because it met an unknown value"
    return result, set(re.findall(r"\[mandatory\][^\n]*?\s(INF-[A-Z]+-\d+)", result.stdout))


def offline(env):
    graph = run_program(resolve(ROOT / env / "environment.yaml"))
    today = dt.datetime.now(dt.UTC).date()
    rules = load_pack(PACK).rules
    report = evaluate(graph, rules, knowledge=CatalogKnowledge(load_catalog()), today=today)
    return {finding.rule for finding in report.with_status(Status.BLOCKED)}


def test_every_blocked_case_is_covered():
    assert set(BLOCKED) == {found.name for found in (ROOT / "tests/blocked").iterdir() if found.is_dir()}


@pytest.mark.parametrize("env", ["dev", "prod-eu", "prod-us"])
def test_an_example_environment_passes(engine, env):
    result, found = under_the_engine(engine, f"stacks/{env}")
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr
    assert found == set() == offline(f"stacks/{env}")


@pytest.mark.parametrize("case", sorted(BLOCKED))
def test_a_blocked_case_is_blocked_and_by_nothing_that_offline_does_not_say(engine, case):
    """The engine stops soon after the first violation, so it may name fewer rules than the offline verdict."""
    result, found = under_the_engine(engine, f"tests/blocked/{case}")
    assert result.returncode != 0
    assert any(rule.startswith(BLOCKED[case]) for rule in found), result.stdout[-4000:]
    assert found <= offline(f"tests/blocked/{case}")
