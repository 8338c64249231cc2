"""Licences: the clauses that rules test are there, and say what the texts say."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.catalog.types import Licence

CATALOG = load_catalog()


@pytest.mark.parametrize("licence", CATALOG.licences(), ids=lambda licence: licence.id)
def test_a_licence_is_consistent_and_used(licence: Licence) -> None:
    assert licence.conditions
    assert licence.sources
    assert (licence.mau_cap is None) == (licence.mau_cap_test is None)
    if licence.revenue_cap_usd is not None:
        assert isinstance(licence.revenue_cap_usd, Decimal)
        assert licence.revenue_cap_period
        assert licence.revenue_cap_effect
    if licence.non_commercial_only:
        assert licence.commercial_use == "no"
    assert any(model.licence == licence.id for model in CATALOG.models())


@pytest.mark.parametrize("version", ["llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "llama4"])
def test_llama_needs_metas_permission_above_700_million_users(version: str) -> None:
    licence = CATALOG.licence(version)
    assert licence.mau_cap == 700_000_000
    assert licence.commercial_use == "conditional"


def test_outputs_of_early_llamas_may_not_train_others_and_later_ones_may_under_the_name() -> None:
    for version in ("llama2", "llama3"):
        assert (CATALOG.licence(version).train_other_models or "").startswith("forbidden")
    for version in ("llama3.1", "llama3.3", "llama4"):
        assert CATALOG.licence(version).derivative_name_prefix == "Llama"


def test_multimodal_llama_4_excludes_eu_licensees() -> None:
    exclusion = CATALOG.licence("llama4").geo_exclusion
    assert exclusion is not None
    assert exclusion.regions == ("EU",)
    assert CATALOG.licence("llama3.3").geo_exclusion is None


@pytest.mark.parametrize(
    ("model", "commercial"),
    [
        ("CohereLabs/c4ai-command-r-plus", "no"),
        ("mistralai/Mistral-Large-Instruct-2411", "no"),
        ("mistralai/Mistral-Small-Instruct-2409", "no"),
        ("MiniMaxAI/MiniMax-M2.7", "no"),
        ("meta-llama/Llama-3.3-70B-Instruct", "conditional"),
        ("Qwen/Qwen2.5-72B-Instruct", "conditional"),
        ("deepseek-ai/DeepSeek-V3", "conditional"),
        ("TIGER-Lab/MAmmoTH-70B", "conditional"),
        ("Qwen/Qwen2.5-Coder-32B-Instruct", "yes"),
        ("deepseek-ai/DeepSeek-V3-0324", "yes"),
        ("openai/gpt-oss-120b", "yes"),
        ("microsoft/phi-4", "yes"),
    ],
)
def test_commercial_use_of_well_known_models(model: str, commercial: str) -> None:
    assert CATALOG.licence(CATALOG.model(model).licence).commercial_use == commercial


def test_a_licence_that_was_not_read_at_first_hand_says_so() -> None:
    assert "sources conflict" in (CATALOG.licence("minimax-m2").confidence or "")
    assert CATALOG.licence("apache-2.0").confidence is None
