"""Names of models, as people write them, to architectures."""

from __future__ import annotations

import re

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.catalog.resolve import _document, _shapes, resolve_model
from inferstack.errors import InputError


@pytest.mark.parametrize(
    ("name", "expected", "quantization"),
    [
        ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B", None),
        ("qwen/qwen3-8b", "Qwen/Qwen3-8B", None),
        ("Qwen/Qwen3-8B-FP8", "Qwen/Qwen3-8B", "fp8"),
        ("Qwen/Qwen2.5-14B-Instruct-AWQ", "Qwen/Qwen2.5-14B-Instruct", "awq"),
        ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", "Qwen/Qwen2.5-7B-Instruct", "gptq"),
        ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int8", "Qwen/Qwen2.5-7B-Instruct", "gptq-int8"),
        ("RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8", "meta-llama/Llama-3.1-8B-Instruct", "fp8"),
        ("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "meta-llama/Llama-3.3-70B-Instruct", "fp8"),
        ("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w8a8", "meta-llama/Llama-3.1-8B-Instruct", "int8"),
        ("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "meta-llama/Llama-3.1-8B-Instruct", "int4"),
        ("nvidia/Llama-3.1-405B-Instruct-FP4", "meta-llama/Llama-3.1-405B-Instruct", "nvfp4"),
        ("nvidia/DeepSeek-R1-0528-NVFP4-v2", "deepseek-ai/DeepSeek-R1", "nvfp4"),
        ("unsloth/Llama-3.2-1B-Instruct-bnb-4bit", "meta-llama/Llama-3.2-1B-Instruct", "bnb"),
        ("unsloth/Phi-4 (bnb 4bit)", "microsoft/phi-4", "bnb"),
        ("kaitchup/Phi-4-AutoRound-GPTQ-4bit", "microsoft/phi-4", "gptq"),
        ("unsloth/DeepSeek-V3-0324-GGUF", "deepseek-ai/DeepSeek-V3-0324", "gguf-q4_k_m"),
        ("Llama-3.2-3B-Instruct-Q8_0.gguf", "meta-llama/Llama-3.2-3B-Instruct", "gguf-q8_0"),
        ("Qwen/QwQ-32B-GGUF q4_k_m", "Qwen/Qwen2.5-32B-Instruct", "gguf-q4_k_m"),
        ("cyankiwi/Kimi-Linear-48B-A3B-Instruct-AWQ-4bit", "moonshotai/Kimi-Linear-48B-A3B-Instruct", "awq"),
        ("cpatonn/GLM-4.5-Air-AWQ-4bit", "zai-org/GLM-4.5-Air", "awq"),
        ("QuantTrio/Qwen3-235B-A22B-Instruct-2507-AWQ", "Qwen/Qwen3-235B-A22B-Instruct-2507", "awq"),
        ("qwen3.6-27b-autoround-int4 (Qwen3.6-27B)", "Qwen/Qwen3.6-27B", "gptq"),
        ("TheBloke/Mistral-7B-v0.1-AWQ", "mistralai/Mistral-7B-v0.1", "awq"),
        ("openai/gpt-oss-120b", "openai/gpt-oss-120b", None),
        ("lmstudio/gpt-oss-20b-mxfp4", "openai/gpt-oss-20b", None),
    ],
)
def test_quantized_copies_have_their_models_shape(name: str, expected: str, quantization: str | None) -> None:
    found = resolve_model(name)
    assert (found.id, found.quantization) == (expected, quantization)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("meta-llama/Llama-3.1-70B", "meta-llama/Llama-3.1-70B-Instruct"),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"),
        ("meta-llama/Meta-Llama-3-8B", "meta-llama/Meta-Llama-3-8B-Instruct"),
        ("NousResearch/Llama-2-7b-chat-hf", "meta-llama/Llama-2-7b-hf"),
        ("deepseek-ai/DeepSeek-R1-0528", "deepseek-ai/DeepSeek-R1"),
        ("deepseek-ai/DeepSeek-V3.1-Terminus", "deepseek-ai/DeepSeek-V3.1"),
        ("deepseek-ai/DeepSeek-V2.5", "deepseek-ai/DeepSeek-V2"),
        ("google/gemma-4-26B-A4B", "google/gemma-4-26B-A4B-it"),
        ("moonshotai/Kimi-K2-Instruct-0905", "moonshotai/Kimi-K2-Instruct"),
        ("mistralai/Mixtral-8x7B-v0.1", "mistralai/Mixtral-8x7B-Instruct-v0.1"),
        ("Qwen/Qwen3-VL-30B-A3B-Thinking", "Qwen/Qwen3-VL-30B-A3B-Instruct"),
    ],
)
def test_base_renamed_and_dated_releases_have_their_siblings_shape(name: str, expected: str) -> None:
    assert resolve_model(name).id == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", "Qwen/Qwen2.5-14B-Instruct"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "meta-llama/Llama-3.3-70B-Instruct"),
        ("deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", "Qwen/Qwen3-8B"),
        ("teknium/OpenHermes-2.5-Mistral-7B", "mistralai/Mistral-7B-v0.1"),
        ("HuggingFaceH4/zephyr-7b-beta", "mistralai/Mistral-7B-v0.1"),
        ("lmsys/vicuna-13b-v1.5", "meta-llama/Llama-2-13b-hf"),
        ("Qwen/QwQ-32B", "Qwen/Qwen2.5-32B-Instruct"),
        ("Qwen/Qwen2.5-Coder-14B-Instruct", "Qwen/Qwen2.5-14B-Instruct"),
        ("moonshotai/Kimi-Dev-72B", "Qwen/Qwen2.5-72B-Instruct"),
        ("neuralmagic/Llama-3.1-Nemotron-70B-Instruct-HF-FP8-dynamic", "meta-llama/Llama-3.1-70B-Instruct"),
        ("microsoft/Phi-4-reasoning-plus", "microsoft/phi-4"),
        ("some-lab/My-Tune-of-Qwen3-8B-v2", "Qwen/Qwen3-8B"),
        ("mistralai/Devstral-Small-2507", "mistralai/Mistral-Small-24B-Instruct-2501"),
    ],
)
def test_fine_tunes_and_distillations_have_their_bases_shape(name: str, expected: str) -> None:
    found = resolve_model(name)
    assert found.id == expected
    assert found.note is not None
    assert expected in found.note


def test_the_catalogs_own_names_need_no_note() -> None:
    found = resolve_model("Qwen/Qwen3-8B")
    assert found.model is not None
    assert found.note is None
    assert found.architecture.max_position == found.model.max_context


def test_the_note_names_the_architecture_and_the_format() -> None:
    note = resolve_model("casperhansen/llama-3-8b-instruct-awq").note
    assert note is not None
    assert "not in the catalog; sized with the architecture of meta-llama/Meta-Llama-3-8B-Instruct" in note
    assert "weights in awq" in note


def test_a_shape_without_catalog_entry_says_that_its_licence_is_unknown() -> None:
    found = resolve_model("facebook/opt-125m")
    assert found.model is None
    assert found.note is not None
    assert "its licence is not" in found.note


def test_a_vision_variant_is_not_taken_for_its_text_model() -> None:
    with pytest.raises(InputError):
        resolve_model("someone/Qwen3-14B-VL")


@pytest.mark.parametrize("name", ["x/unknown-model", "someone/falcon-11B", "gpt-4o", "", "7B"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="no model"):
        resolve_model(name)


def test_the_error_offers_the_nearest_names_and_the_way_out() -> None:
    with pytest.raises(InputError) as error:
        resolve_model("Qwen/Qwen3-9B")
    problem = error.value.problems[0]
    assert "Qwen/Qwen3-8B" in str(problem.did_you_mean)
    assert "--hf-config" in str(problem.accepted)


def test_models_that_never_were_say_what_exists_instead() -> None:
    with pytest.raises(InputError, match="Scout"):
        resolve_model("Llama 4 8B")


def test_every_catalog_model_resolves_to_itself() -> None:
    catalog = load_catalog()
    for name in catalog.model_ids():
        if catalog.model(name).architecture is not None:
            assert resolve_model(name).id == name


def test_every_extra_shape_resolves_to_itself_and_is_not_in_the_catalog_too() -> None:
    catalog = load_catalog()
    ids = list(_shapes(catalog))
    assert len(ids) == len(set(ids)) > 90
    for name in ids:
        assert resolve_model(name).id == name
    assert not set(ids) & set(catalog.model_ids())


def test_every_derivative_rule_compiles_and_leads_to_a_known_model() -> None:
    for rule in _document(load_catalog())["of"]:
        re.compile(rule["pattern"])
        assert resolve_model(rule["id"]).id == rule["id"]
