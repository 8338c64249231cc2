"""`inferstack cost`: environments and previews, comparison, exit codes, JSON."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from click.testing import CliRunner

from inferstack.catalog.load import load_catalog
from inferstack.cli import cli
from inferstack.cost.estimate import estimate
from inferstack.engine import preview
from inferstack.errors import InputError
from inferstack.units import to_cents
from inferstack.view import View
from tests.example_graphs import EXAMPLES, ROOT, graph
from tests.unit.cost_graphs import TODAY

DAY = ("--as-of", TODAY.isoformat())


def run(*arguments):
    return CliRunner().invoke(cli, ["cost", *arguments])


@pytest.fixture(scope="session")
def previews(tmp_path_factory):
    """Preview files of the examples, as `pulumi preview --json` would write them."""
    folder = tmp_path_factory.mktemp("previews")
    for name in EXAMPLES:
        (folder / f"{name}.json").write_text(
            preview.dumps(preview.to_document(graph(name))), encoding="utf-8"
        )
    return folder


def bill(name):
    return estimate(graph(name), load_catalog(), today=TODAY)


def test_an_environment_is_priced():
    result = run(str(ROOT / "stacks/dev"), "--top", "2", *DAY)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("dev (us-west-2): $")
    assert "smaller resources" in result.output
    assert "budget ok: dev" in result.output


def test_a_preview_is_priced_as_the_environment_is(previews):
    found = json.loads(run("--preview", str(previews / "prod-eu.json"), "--json", *DAY).output)
    assert found["total_monthly"] == str(bill("prod-eu").total)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_priced_whole_and_within_its_budgets(name):
    found = bill(name)
    assert [line.label for _, line in found.gaps] == []
    assert found.not_priced == ()
    assert found.total > 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_gpu_nodes_cost_what_the_plan_said(name):
    planned = {
        found.urn: to_cents(View(found.inputs).number("usdPerMonth"))
        for found in graph(name).of_type("inferstack:index:GpuPool")
    }
    assert planned
    billed = {
        graph(name).by_urn[cost.urn].parent: cost.lines[0].monthly
        for cost in bill(name).resources
        if graph(name).by_urn[cost.urn].parent in planned and cost.item == "node-group"
    }
    assert billed == planned


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_workload_has_a_price_of_tokens_that_fits_its_cost(name):
    for workload in bill(name).workloads:
        price = workload.usd_per_million_tokens(with_shared=True)
        assert price is not None
        assert abs(price * workload.tokens / 1_000_000 - workload.monthly) < Decimal("0.01")


@pytest.mark.parametrize("group", ["component", "workload", "resource", "service"])
def test_every_grouping_prints(previews, group):
    result = run("--preview", str(previews / "dev.json"), "--group-by", group, *DAY)
    assert result.exit_code == 0
    assert "total" in result.output


def test_two_previews_are_compared(previews):
    dev, prod = str(previews / "dev.json"), str(previews / "prod-us.json")
    result = run("--preview", prod, "--against", dev, *DAY)
    assert f"{bill('dev').total:,} -> ${bill('prod-us').total:,} a month" in result.output
    found = json.loads(run("--preview", prod, "--against", dev, "--json", *DAY).output)["against"]
    assert Decimal(found["difference_monthly"]) == bill("prod-us").total - bill("dev").total


def test_a_budget_that_is_exceeded_blocks(previews, tmp_path):
    text = (
        (previews / "dev.json").read_text().replace('"budgetMonthlyUsd": "1500"', '"budgetMonthlyUsd": "10"')
    )
    path = tmp_path / "tight.json"
    path.write_text(text)
    result = run("--preview", str(path), *DAY)
    assert result.exit_code == 1
    assert "budget OVER: dev" in result.output


def test_own_assumptions_change_the_bill(previews, tmp_path):
    usage = tmp_path / "usage.yaml"
    usage.write_text("nat_gb_per_gateway: 1000\n")
    plain = json.loads(run("--preview", str(previews / "dev.json"), "--json", *DAY).output)
    assumed = json.loads(
        run("--preview", str(previews / "dev.json"), "--json", "--assume", str(usage), *DAY).output
    )
    assert Decimal(assumed["total_monthly"]) > Decimal(plain["total_monthly"])
    assert assumed["assumptions"]["nat_gb_per_gateway"] == "1000"


def test_the_same_preview_gives_the_same_bytes(previews):
    first, again = (run("--preview", str(previews / "prod-eu.json"), "--json", *DAY).output for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to price"),
        (("dev", "--preview", "x.json"), "both say what to price"),
        (("nowhere",), "no environment"),
        (("--preview", "missing.json"), "missing.json: cannot be read: No such file"),
        (("--preview", "pyproject.toml"), "not readable as JSON"),
        (("dev", "--against", ""), "no preview.json in this folder"),
        (("dev", "--as-of", "tomorrow"), "not a date"),
        (("dev", "--assume", "missing.yaml"), "missing.yaml: cannot be read"),
    ],
)
def test_bad_input_is_a_designed_error(arguments, message):
    result = run(*arguments)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


@pytest.mark.parametrize("document", ['{"kind": "EnvironmentPlan"}', '{"steps": []}'])
def test_what_is_no_preview_does_not_cost_nothing(tmp_path, document):
    path = tmp_path / "plan.json"
    path.write_text(document)
    result = run("--preview", str(path))
    assert isinstance(result.exception, InputError), result.output
