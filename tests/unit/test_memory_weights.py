"""Weights, tensor by tensor, against what vLLM logged as "Model loading took"."""

from __future__ import annotations

import pytest

from inferstack.catalog.resolve import resolve_model
from inferstack.catalog.types import Architecture
from inferstack.errors import InputError
from inferstack.sizing.tensors import embedding_elements, is_tied, layer_elements, padded_vocab
from inferstack.sizing.weight_formats import Part, canonical_name, weight_format
from inferstack.sizing.weights import layer_split, rotary_bytes, stages
from inferstack.units import GIB

LLAMA_8B = "meta-llama/Llama-3.1-8B-Instruct"


def shape(name: str) -> Architecture:
    return resolve_model(name).architecture


def gib(name: str, quantization: str | None = None, *, tp: int = 1, pp: int = 1, stage: int = 0) -> float:
    found = stages(shape(name), quantization, tp, pp, expert_parallel=False, blackwell=False)
    return found[stage].weight_bytes / GIB


@pytest.mark.parametrize(
    ("model", "quantization", "tp", "measured"),
    [
        (LLAMA_8B, "bf16", 1, 14.99),
        (LLAMA_8B, "bf16", 4, 3.77),
        (LLAMA_8B, "fp8", 1, 8.49),
        (LLAMA_8B, "int8", 1, 8.49),
        (LLAMA_8B, "w4a16", 1, 5.38),
        (LLAMA_8B, "fp32", 1, 29.98),
        ("Qwen/Qwen3-8B", "bf16", 1, 15.27),
        ("Qwen/Qwen3-8B", "bf16", 4, 3.82),
        ("Qwen/Qwen3-30B-A3B", "bf16", 4, 14.25),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507", "fp8", 8, 27.72),
        ("Qwen/Qwen1.5-MoE-A2.7B", "bf16", 1, 26.67),
        ("google/gemma-2-27b-it", "bf16", 1, 50.72),
        ("google/gemma-3-12b-it", "bf16", 1, 23.31),
        ("codellama/CodeLlama-7b-hf", "bf16", 1, 12.56),
        ("ibm-granite/granite-3.1-8b-instruct", "bf16", 2, 7.64),
        ("microsoft/phi-4", "bf16", 1, 27.39),
        ("microsoft/phi-2", "fp16", 1, 5.19),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "bf16", 2, 43.51),
        ("mistralai/Mistral-Small-3.1-24B-Instruct-2503", "bf16", 4, 11.86),
        ("deepseek-ai/DeepSeek-V2-Lite-Chat", "bf16", 1, 29.43),
        ("moonshotai/Kimi-VL-A3B-Instruct", "bf16", 2, 15.53),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", "bf16", 4, 53.12),
        ("openai/gpt-oss-120b", "mxfp4", 1, 65.97),
        ("openai/gpt-oss-20b", "mxfp4", 2, 7.01),
        ("nvidia/GLM-5.2-NVFP4", "nvfp4", 4, 106.69),
        ("facebook/opt-6.7b", "fp16", 1, 12.4),
    ],
)
def test_the_weights_are_those_that_vllm_loaded(
    model: str, quantization: str, tp: int, measured: float
) -> None:
    assert gib(model, quantization, tp=tp) == pytest.approx(measured, rel=0.012)


def test_a_pipeline_stage_holds_its_layers_and_its_end_of_the_vocabulary() -> None:
    assert gib(LLAMA_8B, pp=2) == pytest.approx(7.51, rel=0.01)
    assert gib(LLAMA_8B, pp=4) == pytest.approx(4.26, rel=0.01)
    middle = gib(LLAMA_8B, pp=4, stage=1)
    assert middle < gib(LLAMA_8B, pp=4, stage=3)


def test_the_remainder_of_the_layers_goes_before_the_last_stage() -> None:
    assert layer_split(8, 2) == (4, 4)
    assert layer_split(61, 2) == (31, 30)
    assert layer_split(10, 4) == (2, 3, 3, 2)
    assert sum(layer_split(93, 8)) == 93


def test_a_tied_head_costs_nothing_on_one_stage_and_a_copy_on_two() -> None:
    name = "Qwen/Qwen3-4B"
    vocabulary = embedding_elements(shape(name), 1) * 2 / GIB
    assert is_tied(shape(name))
    whole = gib(name)
    halves = gib(name, pp=2, stage=0) + gib(name, pp=2, stage=1)
    assert halves - whole == pytest.approx(vocabulary + rotary_bytes(shape(name)) / GIB, rel=0.01)


def test_the_vocabulary_is_padded_to_64() -> None:
    granite = shape("ibm-granite/granite-3.3-8b-instruct")
    assert granite.vocab_size == 49155
    assert padded_vocab(granite) == 49216


def test_kv_heads_are_replicated_when_there_are_fewer_than_ranks() -> None:
    a = shape("Qwen/Qwen3-Next-80B-A3B-Instruct")
    halves = layer_elements(a, 2)[Part.ATTENTION]
    quarters = layer_elements(a, 4)[Part.ATTENTION]
    assert quarters > halves / 2, "two KV heads stay one a rank"


def test_latent_down_projections_are_whole_on_every_rank() -> None:
    a = shape("deepseek-ai/DeepSeek-V3")
    assert layer_elements(a, 8)[Part.ATTENTION] > layer_elements(a, 1)[Part.ATTENTION] / 8


def test_expert_parallelism_keeps_whole_experts_and_rounds_their_number_up() -> None:
    a = shape("zai-org/GLM-4.5-Air")
    sharded = layer_elements(a, 8)[Part.EXPERT]
    assert layer_elements(a, 8, expert_parallel=True)[Part.EXPERT] == pytest.approx(sharded)
    assert layer_elements(a, 3, expert_parallel=True)[Part.EXPERT] > layer_elements(a, 3)[Part.EXPERT]


def test_gpt_oss_experts_are_padded_to_tiles_that_are_wider_on_blackwell() -> None:
    a = shape("openai/gpt-oss-120b")
    bare = 36 * 128 * 3 * 2880 * 2880 / 8
    hopper = layer_elements(a, 8)[Part.EXPERT]
    assert hopper / bare == pytest.approx(3072 * 384 / (2880 * 360))
    assert layer_elements(a, 8, blackwell=True)[Part.EXPERT] / hopper == pytest.approx(512 / 384)


def test_routers_norms_and_embeddings_stay_in_16_bits() -> None:
    form = weight_format("awq", shape(LLAMA_8B))
    assert form.bytes_of(Part.EMBEDDING) == form.bytes_of(Part.PLAIN) == form.bytes_of(Part.HEAD) == 2.0
    assert form.bytes_of(Part.MLP) == pytest.approx(0.5195, rel=0.01)


def test_float32_checkpoints_of_encoders_run_in_16_bits() -> None:
    assert gib("BAAI/bge-m3") == pytest.approx(1.06, rel=0.02)


@pytest.mark.parametrize(
    ("label", "model", "name"),
    [
        (None, LLAMA_8B, "bf16"),
        ("auto", "openai/gpt-oss-20b", "mxfp4+native"),
        ("none", LLAMA_8B, "bf16"),
        ("mxfp4", "openai/gpt-oss-20b", "mxfp4+native"),
        ("AWQ", LLAMA_8B, "awq"),
        ("awq_marlin", LLAMA_8B, "awq"),
        ("gptq-int4", LLAMA_8B, "gptq"),
        ("GPTQ_Int8", LLAMA_8B, "gptq-int8"),
        ("w4a16", LLAMA_8B, "int4"),
        ("int4", "moonshotai/Kimi-K2-Thinking", "int4+native"),
        ("FP8-dynamic", LLAMA_8B, "fp8"),
        ("fp8_e4m3", LLAMA_8B, "fp8"),
        ("w8a8", LLAMA_8B, "int8"),
        ("modelopt_fp4", LLAMA_8B, "nvfp4"),
        ("NVFP4", LLAMA_8B, "nvfp4"),
        ("bitsandbytes", LLAMA_8B, "bnb"),
        ("bnb-nf4", LLAMA_8B, "bnb"),
        ("gguf-q4_k_m", LLAMA_8B, "gguf-q4"),
        ("Q8_0", LLAMA_8B, "gguf-q8_0"),
        ("autoround-int4", LLAMA_8B, "gptq"),
        ("half", LLAMA_8B, "fp16"),
        ("bfloat16", LLAMA_8B, "bf16"),
        ("fp8", "deepseek-ai/DeepSeek-V3", "fp8"),
    ],
)
def test_quantization_names_are_read_tolerantly(label: str | None, model: str, name: str) -> None:
    assert canonical_name(label, shape(model)) == name


def test_a_quantization_that_means_nothing_is_refused_with_what_is_accepted() -> None:
    with pytest.raises(InputError, match=r"unknown quantization.*int3.*accepted: auto, bf16"):
        canonical_name("int3", shape(LLAMA_8B))


def test_kimi_and_gpt_oss_quantize_their_experts_only() -> None:
    for name in ("moonshotai/Kimi-K2-Thinking", "openai/gpt-oss-120b"):
        assert weight_format(None, shape(name)).quantized == {Part.EXPERT}


def test_nvfp4_releases_leave_attention_in_16_bits_but_for_plain_transformers() -> None:
    assert Part.ATTENTION in weight_format("nvfp4", shape(LLAMA_8B)).quantized
    assert Part.ATTENTION in weight_format("nvfp4", shape("Qwen/Qwen3-235B-A22B")).quantized
    for name in ("deepseek-ai/DeepSeek-V3", "google/gemma-4-31B-it", "MiniMaxAI/MiniMax-M2.5"):
        assert weight_format("nvfp4", shape(name)).bytes_of(Part.ATTENTION) == 2.0
    mixed = weight_format("nvfp4", shape("Qwen/Qwen3.6-35B-A3B"))
    assert mixed.bytes_of(Part.ATTENTION) == pytest.approx(1.0, rel=0.01)
    assert (mixed.bytes_of(Part.MIXER), mixed.bytes_of(Part.EXPERT)) == (2.0, 0.5625)


def test_more_bits_never_weigh_less() -> None:
    order = ["gguf-q4_k_m", "fp8", "bf16", "fp32"]
    sizes = [gib(LLAMA_8B, form) for form in order]
    assert sizes == sorted(sizes)
    assert gib(LLAMA_8B, "nvfp4") > gib(LLAMA_8B, "int4") > gib(LLAMA_8B, "gguf-q3_k_m")
