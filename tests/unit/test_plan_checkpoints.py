"""Which weights may be served, and how good they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.errors import InputError
from inferstack.sizing.checkpoints import all_weights, wanted_weights
from inferstack.sizing.subject import subject

CATALOG = load_catalog()


def forms(model_id: str, requested: str = "auto") -> list[tuple[str, str, int]]:
    model = CATALOG.model(model_id)
    assert model.architecture is not None
    found = wanted_weights(model.id, model.architecture.native_dtype, model.checkpoints, requested)
    return [(weights.quantization, weights.origin, weights.tier) for weights in found]


def test_forms_come_best_quality_first() -> None:
    assert forms("meta-llama/Llama-3.3-70B-Instruct") == [
        ("bf16", "native", 0),
        ("fp8", "published", 1),
        ("nvfp4", "published", 2),
    ]


def test_fp8_on_load_is_offered_only_without_a_published_checkpoint() -> None:
    assert ("fp8", "online", 1) in forms("Qwen/Qwen2.5-Coder-32B-Instruct")
    assert ("fp8", "online", 1) not in forms("Qwen/Qwen3-8B")


def test_weights_released_in_four_bits_are_the_best_there_are() -> None:
    assert forms("openai/gpt-oss-120b")[0] == ("mxfp4", "native", 0)


def test_native_fp8_is_not_quantized_again() -> None:
    assert forms("deepseek-ai/DeepSeek-V3-0324") == [("fp8", "native", 0)]


@pytest.mark.parametrize(
    ("requested", "expected"),
    [
        ("awq", ["awq"]),
        ("int4", ["awq", "gptq"]),
        ("int8", ["gptq-int8"]),
        ("fp16", ["bf16"]),
        ("bf16", ["bf16"]),
    ],
)
def test_a_word_of_the_spec_picks_the_checkpoint(requested: str, expected: list[str]) -> None:
    assert [name for name, _, _ in forms("Qwen/Qwen2.5-Coder-32B-Instruct", requested)] == expected


def test_a_missing_checkpoint_names_those_that_exist() -> None:
    with pytest.raises(InputError) as caught:
        forms("Qwen/Qwen3-8B", "nvfp4")
    assert caught.value.problems[0].accepted == "auto, awq, bf16, fp8"


def test_only_block_scaled_releases_carry_a_scale_block() -> None:
    blocks = {
        weights.checkpoint: weights.scale_block
        for name in ("Qwen/Qwen3-32B", "meta-llama/Llama-3.3-70B-Instruct", "deepseek-ai/DeepSeek-V3-0324")
        for weights in all_weights(
            name,
            CATALOG.model(name).architecture.native_dtype,  # type: ignore[union-attr] # all three have one
            CATALOG.model(name).checkpoints,
        )
    }
    assert blocks["Qwen/Qwen3-32B-FP8"] == 128
    assert blocks["deepseek-ai/DeepSeek-V3-0324"] == 128
    assert blocks["nvidia/Llama-3.3-70B-Instruct-FP8"] is None


def test_a_quantized_copy_is_planned_as_what_it_is() -> None:
    found = subject(CATALOG, "TheBloke/Mistral-7B-Instruct-v0.2-AWQ", None, "auto")
    assert [(w.quantization, w.checkpoint) for w in found.weights] == [
        ("awq", "TheBloke/Mistral-7B-Instruct-v0.2-AWQ")
    ]
    assert found.first_tier == 2
    assert found.note is not None


def test_a_quantized_copy_cannot_be_asked_for_in_another_format() -> None:
    with pytest.raises(InputError, match="already quantized"):
        subject(CATALOG, "TheBloke/Mistral-7B-Instruct-v0.2-AWQ", None, "fp8")


def test_a_fine_tune_is_served_under_its_own_name() -> None:
    found = subject(CATALOG, "acme/Llama-3.1-8B-Instruct-support", None, "auto")
    assert found.weights[0].checkpoint == "acme/Llama-3.1-8B-Instruct-support"
    assert all(weights.origin != "published" for weights in found.weights)


def test_encoders_are_not_quantized_by_themselves() -> None:
    found = subject(CATALOG, "intfloat/multilingual-e5-large-instruct", None, "auto")
    assert [weights.origin for weights in found.weights] == ["native"]


def test_a_model_without_public_weights_cannot_be_planned() -> None:
    closed = next(model for model in CATALOG.models() if model.architecture is None)
    with pytest.raises(InputError, match="no public weights"):
        subject(CATALOG, closed.id, None, "auto")


def test_a_quantized_copy_that_the_catalog_lists_keeps_its_maker() -> None:
    found = subject(CATALOG, "Qwen/Qwen2.5-72B-Instruct-AWQ", None, "auto")
    assert [(w.quantization, w.by_developer) for w in found.weights] == [("awq", True)]


def test_a_shape_from_a_config_file_is_planned_under_the_given_name(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps(
            {
                "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 4096,
                "intermediate_size": 12288, "num_hidden_layers": 36, "num_attention_heads": 32,
                "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
                "max_position_embeddings": 40960, "torch_dtype": "bfloat16",
            }
        ),
        encoding="utf-8",
    )  # fmt: skip
    found = subject(CATALOG, "acme/our-own", str(config), "auto")
    assert (found.id, found.model, found.max_context) == ("acme/our-own", None, 40960)
    assert [weights.quantization for weights in found.weights] == ["bf16", "fp8"]


def test_an_unreadable_config_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        subject(CATALOG, None, str(tmp_path / "config.json"), "auto")
