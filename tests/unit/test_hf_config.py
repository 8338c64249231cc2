"""config.json files, as the families write them, to architectures; shapes held against the catalog's."""

from __future__ import annotations

from typing import Any

import pytest

from inferstack.catalog.hf_config import architecture_from_hf_config
from inferstack.catalog.resolve import resolve_model
from inferstack.errors import InputError, Problem
from inferstack.sizing.tensors import embedding_elements, embedding_extras, is_tied, layer_elements

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "attention_bias": False,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
QWEN25 = {
    "model_type": "qwen2",
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
    "max_position_embeddings": 32768,
    "sliding_window": 131072,
    "use_sliding_window": False,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
QWEN3_MOE = {
    "model_type": "qwen3_moe",
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "moe_intermediate_size": 768,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "num_hidden_layers": 48,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "vocab_size": 151936,
    "max_position_embeddings": 40960,
    "torch_dtype": "bfloat16",
}
QWEN35 = {
    "model_type": "qwen3_5",
    "text_config": {
        "model_type": "qwen3_5_text",
        "attn_output_gate": True,
        "dtype": "bfloat16",
        "full_attention_interval": 4,
        "layer_types": (["linear_attention"] * 3 + ["full_attention"]) * 16,
        "head_dim": 256,
        "hidden_size": 5120,
        "intermediate_size": 17408,
        "linear_conv_kernel_dim": 4,
        "linear_key_head_dim": 128,
        "linear_num_key_heads": 16,
        "linear_num_value_heads": 48,
        "linear_value_head_dim": 128,
        "max_position_embeddings": 262144,
        "num_attention_heads": 24,
        "num_hidden_layers": 64,
        "num_key_value_heads": 4,
        "vocab_size": 248320,
    },
    "tie_word_embeddings": False,
    "vision_config": {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "out_hidden_size": 5120},
}
DEEPSEEK = {
    "model_type": "deepseek_v3",
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "moe_intermediate_size": 2048,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "first_k_dense_replace": 3,
    "moe_layer_freq": 1,
    "num_hidden_layers": 61,
    "num_nextn_predict_layers": 1,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "kv_lora_rank": 512,
    "q_lora_rank": 1536,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "vocab_size": 129280,
    "max_position_embeddings": 163840,
    "torch_dtype": "bfloat16",
    "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]},
}
GPT_OSS = {
    "model_type": "gpt_oss",
    "attention_bias": True,
    "head_dim": 64,
    "hidden_size": 2880,
    "intermediate_size": 2880,
    "layer_types": ["sliding_attention", "full_attention"] * 12,
    "num_hidden_layers": 24,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "num_local_experts": 32,
    "num_experts_per_tok": 4,
    "sliding_window": 128,
    "vocab_size": 201088,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": False,
    "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn"]},
}
GEMMA3 = {
    "model_type": "gemma3",
    "text_config": {
        "model_type": "gemma3_text",
        "hidden_size": 3840,
        "intermediate_size": 15360,
        "num_hidden_layers": 48,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 256,
        "vocab_size": 262208,
        "max_position_embeddings": 131072,
        "sliding_window": 1024,
        "sliding_window_pattern": 6,
        "rope_scaling": {"rope_type": "linear", "factor": 8.0},
    },
    "vision_config": {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27},
    "torch_dtype": "bfloat16",
}
GEMMA4 = {
    "model_type": "gemma4",
    "text_config": {
        "model_type": "gemma4_text",
        "attention_k_eq_v": True,
        "enable_moe_block": True,
        "global_head_dim": 512,
        "head_dim": 256,
        "hidden_size": 2816,
        "hidden_size_per_layer_input": 0,
        "intermediate_size": 2112,
        "layer_types": (["sliding_attention"] * 5 + ["full_attention"]) * 5,
        "max_position_embeddings": 262144,
        "moe_intermediate_size": 704,
        "num_attention_heads": 16,
        "num_experts": 128,
        "num_global_key_value_heads": 2,
        "num_hidden_layers": 30,
        "num_key_value_heads": 8,
        "num_kv_shared_layers": 0,
        "sliding_window": 1024,
        "tie_word_embeddings": True,
        "top_k_experts": 8,
        "vocab_size": 262144,
    },
    "dtype": "bfloat16",
}
LLAMA4 = {
    "model_type": "llama4",
    "text_config": {
        "model_type": "llama4_text",
        "attention_chunk_size": 8192,
        "head_dim": 128,
        "hidden_size": 5120,
        "interleave_moe_layer_step": 2,
        "intermediate_size": 8192,
        "intermediate_size_mlp": 16384,
        "max_position_embeddings": 1048576,
        "no_rope_layers": [],
        "num_attention_heads": 40,
        "num_experts_per_tok": 1,
        "num_hidden_layers": 48,
        "num_key_value_heads": 8,
        "num_local_experts": 128,
        "vocab_size": 202048,
    },
    "tie_word_embeddings": False,
}
NEMOTRON_H = {
    "model_type": "nemotron_h",
    "hybrid_override_pattern": "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME",
    "hidden_size": 2688,
    "intermediate_size": 1856,
    "moe_intermediate_size": 1856,
    "moe_shared_expert_intermediate_size": 3712,
    "n_routed_experts": 128,
    "n_shared_experts": 1,
    "num_experts_per_tok": 6,
    "num_hidden_layers": 52,
    "num_attention_heads": 32,
    "num_key_value_heads": 2,
    "head_dim": 128,
    "mamba_num_heads": 64,
    "mamba_head_dim": 64,
    "ssm_state_size": 128,
    "n_groups": 8,
    "conv_kernel": 4,
    "mlp_hidden_act": "relu2",
    "vocab_size": 131072,
    "max_position_embeddings": 262144,
    "torch_dtype": "bfloat16",
}
GRANITE_H = {
    "model_type": "granitemoehybrid",
    "hidden_size": 4096,
    "intermediate_size": 768,
    "shared_intermediate_size": 1536,
    "layer_types": (["mamba"] * 9 + ["attention"]) * 4,
    "mamba_d_conv": 4,
    "mamba_d_head": 64,
    "mamba_d_state": 128,
    "mamba_n_groups": 1,
    "mamba_n_heads": 128,
    "num_attention_heads": 32,
    "num_experts_per_tok": 10,
    "num_hidden_layers": 40,
    "num_key_value_heads": 8,
    "num_local_experts": 72,
    "tie_word_embeddings": True,
    "vocab_size": 100352,
    "max_position_embeddings": 131072,
}
GLM_DSA = {
    "model_type": "glm_moe_dsa",
    "hidden_size": 6144,
    "intermediate_size": 12288,
    "moe_intermediate_size": 2048,
    "mlp_layer_types": ["dense"] * 3 + ["sparse"] * 75,
    "indexer_types": (["full"] * 3 + ["shared"]) * 19 + ["full", "full"],
    "index_topk": 2048,
    "kv_lora_rank": 512,
    "q_lora_rank": 2048,
    "qk_nope_head_dim": 192,
    "qk_rope_head_dim": 64,
    "v_head_dim": 256,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "num_attention_heads": 64,
    "num_key_value_heads": 64,
    "num_hidden_layers": 78,
    "vocab_size": 154880,
    "max_position_embeddings": 1048576,
    "dtype": "bfloat16",
}
COMMAND_R = {
    "model_type": "cohere",
    "hidden_size": 8192,
    "intermediate_size": 24576,
    "num_hidden_layers": 40,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "vocab_size": 256000,
    "max_position_embeddings": 131072,
    "torch_dtype": "float16",
}
OPT = {
    "model_type": "opt",
    "hidden_size": 768,
    "ffn_dim": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "vocab_size": 50272,
    "max_position_embeddings": 2048,
    "torch_dtype": "float16",
}
XLM_R = {
    "architectures": ["XLMRobertaModel"],
    "model_type": "xlm-roberta",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "hidden_act": "gelu",
    "vocab_size": 250002,
    "max_position_embeddings": 8194,
    "torch_dtype": "float32",
}
NOMIC = {
    "model_type": "nomic_bert",
    "n_embd": 768,
    "n_inner": 3072,
    "n_layer": 12,
    "n_head": 12,
    "activation_function": "swiglu",
    "vocab_size": 30528,
    "n_positions": 8192,
}
KIMI_LINEAR = {
    "model_type": "kimi_linear",
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "moe_intermediate_size": 1024,
    "num_experts": 256,
    "num_experts_per_token": 8,
    "num_shared_experts": 1,
    "first_k_dense_replace": 1,
    "kv_lora_rank": 512,
    "q_lora_rank": None,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "num_hidden_layers": 27,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "linear_attn_config": {
        "full_attn_layers": [4, 8, 12, 16, 20, 24, 27],
        "head_dim": 128,
        "num_heads": 32,
        "short_conv_kernel_size": 4,
    },
    "vocab_size": 163840,
    "model_max_length": 1048576,
    "dtype": "bfloat16",
}

PHI3 = {
    **LLAMA,
    "model_type": "phi3",
    "hidden_size": 5120,
    "intermediate_size": 17920,
    "num_hidden_layers": 40,
}
PHI3 |= {
    "num_attention_heads": 40,
    "num_key_value_heads": 10,
    "vocab_size": 100352,
    "max_position_embeddings": 16384,
}
MIXTRAL = {
    **LLAMA,
    "model_type": "mixtral",
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
    "vocab_size": 32000,
}
GEMMA2 = {**LLAMA, "model_type": "gemma2", "hidden_size": 3584, "num_hidden_layers": 42, "head_dim": 256}
GEMMA2 |= {"num_attention_heads": 16, "num_key_value_heads": 8, "vocab_size": 256000, "sliding_window": 4096}
GEMMA2 = {k: v for k, v in GEMMA2.items() if k != "tie_word_embeddings"}
GLM4_MOE = {**QWEN3_MOE, "model_type": "glm4_moe", "hidden_size": 4096, "intermediate_size": 10944}
GLM4_MOE |= {
    "num_hidden_layers": 46,
    "num_attention_heads": 96,
    "num_key_value_heads": 8,
    "attention_bias": True,
}
GLM4_MOE |= {
    "moe_intermediate_size": 1408,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "vocab_size": 151552,
}


def parameters(a: Any) -> float:
    tables = 1 if is_tied(a) else 2
    return sum(layer_elements(a, 1).values()) + tables * embedding_elements(a, 1) + embedding_extras(a, 1)


@pytest.mark.parametrize(
    ("config", "model"),
    [
        (LLAMA, "meta-llama/Llama-3.1-8B-Instruct"),
        (QWEN25, "Qwen/Qwen2.5-7B-Instruct"),
        (QWEN3_MOE, "Qwen/Qwen3-30B-A3B"),
        (QWEN35, "Qwen/Qwen3.5-27B"),
        (DEEPSEEK, "deepseek-ai/DeepSeek-V3"),
        (GPT_OSS, "openai/gpt-oss-20b"),
        (GEMMA2, "google/gemma-2-9b-it"),
        (GEMMA3, "google/gemma-3-12b-it"),
        (GEMMA4, "google/gemma-4-26B-A4B-it"),
        (LLAMA4, "meta-llama/Llama-4-Maverick-17B-128E-Instruct"),
        (MIXTRAL, "mistralai/Mixtral-8x7B-Instruct-v0.1"),
        (NEMOTRON_H, "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16"),
        (GRANITE_H, "ibm-granite/granite-4.0-h-small"),
        (GLM4_MOE, "zai-org/GLM-4.5-Air"),
        (GLM_DSA, "zai-org/GLM-5.2"),
        (PHI3, "microsoft/phi-4"),
        (COMMAND_R, "CohereLabs/c4ai-command-r-08-2024"),
        (OPT, "facebook/opt-125m"),
        (NOMIC, "nomic-ai/nomic-embed-text-v1.5"),
        (KIMI_LINEAR, "moonshotai/Kimi-Linear-48B-A3B-Instruct"),
    ],
)
def test_a_config_gives_the_shape_that_is_known_of_the_model(config: dict[str, Any], model: str) -> None:
    found, known = architecture_from_hf_config(config), resolve_model(model).architecture
    # GLM-5.2: 59 indexers stand in this config, the catalog counts 21
    tolerance = (
        0.01
        if model in ("google/gemma-2-9b-it", "nomic-ai/nomic-embed-text-v1.5", "zai-org/GLM-5.2")
        else 1e-3
    )
    assert parameters(found) == pytest.approx(parameters(known), rel=tolerance)
    assert found.num_layers == known.num_layers
    assert found.num_kv_heads == known.num_kv_heads
    assert found.native_dtype == known.native_dtype or known.native_dtype == "fp32"
    assert is_tied(found) == is_tied(known)


def test_encoders_have_no_head_and_plain_feed_forwards() -> None:
    found = architecture_from_hf_config(XLM_R)
    assert (found.kind, found.gated_mlp, found.language_head) == ("encoder", False, False)
    assert found.native_dtype == "fp32"
    assert architecture_from_hf_config(NOMIC).gated_mlp


@pytest.mark.parametrize(
    ("config", "size", "full", "local"),
    [
        (GEMMA3, 1024, 8, 40),
        (GEMMA4, 1024, 5, 25),
        (GPT_OSS, 128, 12, 12),
        (LLAMA4, 8192, 12, 36),
        ({**COMMAND_R, "model_type": "cohere2", "sliding_window": 4096}, 4096, 10, 30),
        ({**LLAMA, "model_type": "mistral", "sliding_window": 4096}, 4096, 0, 32),
    ],
)
def test_sliding_layers_are_counted(config: dict[str, Any], size: int, full: int, local: int) -> None:
    window = architecture_from_hf_config(config).sliding_window
    assert window is not None
    assert (window.size, window.full_attention_layers, window.sliding_layers) == (size, full, local)


@pytest.mark.parametrize("config", [QWEN25, {**LLAMA, "sliding_window": None}, LLAMA])
def test_a_window_that_is_switched_off_is_none(config: dict[str, Any]) -> None:
    assert architecture_from_hf_config(config).sliding_window is None


@pytest.mark.parametrize(
    ("quantization", "expected"),
    [
        ({"quant_method": "awq", "bits": 4}, "awq"),
        ({"quant_method": "gptq", "bits": 4}, "gptq"),
        ({"quant_method": "gptq", "bits": 8}, "gptq-int8"),
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "fbgemm_fp8"}, "fp8"),
        ({"quant_method": "mxfp4"}, "mxfp4"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "nvfp4"),
        ({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION"}, "nvfp4"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bnb"),
        ({"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"num_bits": 8, "type": "float"}}}}, "fp8"),
        ({"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"num_bits": 8, "type": "int"}}}}, "int8"),
        ({"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"num_bits": 4, "type": "int"}}}}, "gptq"),
        ({"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"num_bits": 4, "type": "float", "group_size": 16}}}}, "nvfp4"),
        ({"quant_method": "somebody's own"}, "bf16"),
    ],
)  # fmt: skip
def test_the_checkpoints_quantization_is_found(quantization: dict[str, Any], expected: str) -> None:
    assert (
        architecture_from_hf_config({**LLAMA, "quantization_config": quantization}).native_dtype == expected
    )


def test_int4_experts_beside_plain_attention_are_kimis_format() -> None:
    quantization = {
        "quant_method": "compressed-tensors",
        "config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int", "group_size": 32}}},
        "ignore": ["lm_head", "re:.*self_attn.*", "re:.*shared_experts.*"],
    }
    config = {**DEEPSEEK, "quantization_config": quantization}
    assert architecture_from_hf_config(config).native_dtype == "int4"


def test_deepseek_v4_stores_its_experts_in_four_bits() -> None:
    config = {
        **{k: v for k, v in DEEPSEEK.items() if k not in ("kv_lora_rank", "qk_nope_head_dim", "v_head_dim")},
        "model_type": "deepseek_v4",
        "expert_dtype": "fp4",
        "head_dim": 512,
        "num_key_value_heads": 1,
        "compress_ratios": [0, 0, *([4, 128] * 30)],
        "sliding_window": 128,
    }
    found = architecture_from_hf_config(config)
    assert found.native_dtype == "fp8+fp4"
    assert found.attention.startswith("hybrid (CSA")
    assert found.kv_cache is not None
    assert (found.kv_cache.csa_layers, found.kv_cache.hca_layers) == (30, 29)


def test_linear_scaling_lengthens_the_rotary_table() -> None:
    assert architecture_from_hf_config(GEMMA3).rotary_positions == 131072 * 9
    assert architecture_from_hf_config({**LLAMA, "rope_scaling": YARN}).rotary_positions is None


def test_vision_towers_are_measured_by_their_shape() -> None:
    tower = architecture_from_hf_config(QWEN35).non_text_params_b
    assert tower == pytest.approx(0.46, rel=0.05)
    assert architecture_from_hf_config(LLAMA).non_text_params_b is None


def test_missing_sizes_are_named_all_at_once() -> None:
    with pytest.raises(InputError) as error:
        architecture_from_hf_config({"model_type": "llama", "hidden_size": 4096})
    assert {problem.path for problem in error.value.problems} == {
        "num_layers",
        "num_attention_heads",
        "vocab_size",
    }
    assert "num_hidden_layers or n_layer" in str(error.value)


@pytest.mark.parametrize("broken", [{}, {"text_config": {}}, {"hidden_size": "wide"}])
def test_a_config_of_something_else_is_bad_input(broken: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        architecture_from_hf_config(broken)


ODD = (-1, 0, 1e30, 1.5, 10**400, float("nan"), float("inf"), "x", None, True, [], [1], {}, {"a": 1})


@pytest.mark.parametrize("field", [*LLAMA, "rope_scaling", "kv_lora_rank", "num_experts", "block_configs"])
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_an_odd_value_is_refused_or_gives_a_shape_that_can_be_sized(field: str, value: Any) -> None:
    config = {**LLAMA, "num_experts_per_tok": 2, "qk_rope_head_dim": 64, field: value}
    refused: tuple[Problem, ...] = ()
    found = None
    try:
        found = architecture_from_hf_config(config, file="config.json")
    except InputError as error:
        refused = error.problems
    assert bool(refused) != (found is not None)
    assert all(problem.file == "config.json" for problem in refused)
    assert found is None or (found.num_layers or 0) > 0


def test_placeholders_for_no_limit_are_not_taken_for_sizes() -> None:
    assert architecture_from_hf_config({**LLAMA, "sliding_window": -1}).sliding_window is None
    assert architecture_from_hf_config({**LLAMA, "max_position_embeddings": 1e30}).max_position is None
    with pytest.raises(InputError, match="num_layers: missing"):
        architecture_from_hf_config({**LLAMA, "num_hidden_layers": 0})
