"""`inferstack plan` as people and programs call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from inferstack.cli import cli
from inferstack.errors import BlockedError, InputError

ROOT = Path(__file__).parents[2]
CHAT = str(ROOT / "stacks" / "prod-eu" / "workloads" / "chat.yaml")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["plan", *arguments], catch_exceptions=True)


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_a_workload_is_planned_in_the_environment_it_stands_in() -> None:
    result = run(CHAT)
    assert result.exit_code == 0, result.output
    assert "support-chat   Llama-3.3-70B-Instruct" in result.output
    assert "eu-central-1" in result.output
    assert "  chosen " in result.output
    assert "inferstack plan --explain shows each" in result.output


@pytest.mark.parametrize("name", ["dev", "prod-eu", "prod-us"])
def test_example_environments_are_planned(name: str) -> None:
    result = run(name)
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{name}   ")
    assert "GPU nodes together $" in result.output


def test_explain_lists_every_rejection_under_its_reason() -> None:
    short, long = run(CHAT), run(CHAT, "--explain")
    assert len(long.output.splitlines()) > len(short.output.splitlines()) + 50
    assert "no stock EKS NVIDIA image: needs NVIDIA driver 595" in long.output


def test_top_bounds_the_alternatives() -> None:
    assert "  also " not in run(CHAT, "--top", "0").output
    assert "  also " in run(CHAT, "--top", "1").output


def test_json_is_one_versioned_document_and_byte_identical() -> None:
    first, second = run(CHAT, "--json"), run(CHAT, "--json")
    assert first.output == second.output
    document = json.loads(first.output)
    assert (document["apiVersion"], document["kind"]) == ("inferstack/v1", "WorkloadPlan")
    assert document["chosen"]["region"] == "eu-central-1"
    assert document["chosen"]["usd_per_month"].replace(".", "").isdigit()
    assert {rejection["code"] for rejection in document["rejections"]} >= {"does-not-fit", "not-sold"}


def test_json_of_an_environment_holds_its_zones_and_workloads() -> None:
    document = json.loads(run("prod-eu", "--json").output)
    assert document["kind"] == "EnvironmentPlan"
    assert len(document["zones"]) == 3
    assert [plan["workload"] for plan in document["workloads"]] == [
        "support-chat",
        "code-assist",
        "search-embed",
    ]


def test_quantizations_can_be_compared() -> None:
    result = run(CHAT, "--compare-quantization")
    assert "by quantization" in result.output
    assert "nvidia/Llama-3.3-70B-Instruct-NVFP4" in result.output
    document = json.loads(run(CHAT, "--compare-quantization", "--json").output)
    assert [row["weights"]["quantization"] for row in document["by_quantization"]] == ["bf16", "fp8", "nvfp4"]


def test_another_region_can_be_tried_within_the_residency() -> None:
    result = run(CHAT, "--region", "eu-north-1", "--json")
    assert json.loads(result.output)["chosen"]["region"] == "eu-north-1"
    refused = run(CHAT, "--region", "us-east-1")
    assert isinstance(refused.exception, InputError)
    assert "residency" in str(refused.exception)


def test_a_lone_workload_is_planned_over_all_allowed_regions(tmp_path: Path) -> None:
    alone = tmp_path / "chat.yaml"
    alone.write_text(Path(CHAT).read_text(encoding="utf-8"), encoding="utf-8")
    document = json.loads(run(str(alone), "--json").output)
    assert document["chosen"]["region"].startswith("eu-")


def test_levels_nobody_meets_are_a_finding_not_bad_input(tmp_path: Path) -> None:
    alone = tmp_path / "chat.yaml"
    text = Path(CHAT).read_text(encoding="utf-8").replace("itlP95: 80ms", "itlP95: 1ms")
    alone.write_text(text, encoding="utf-8")
    result = run(str(alone))
    assert isinstance(result.exception, BlockedError)
    assert result.exception.exit_code == 1
    assert "what could change" in str(result.exception)


def test_an_unknown_path_names_the_environments() -> None:
    result = run("prod-ue")
    assert isinstance(result.exception, InputError)
    assert "prod-eu" in str(result.exception)
