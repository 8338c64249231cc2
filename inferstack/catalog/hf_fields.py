"""Names that transformers' config files use for one thing, and how to read them.

Config files come from many hands: a field may be missing, nested, or called differently in every family.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from inferstack.errors import InputError, Problem

Config = Mapping[str, Any]

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "num_layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "hidden_size": ("hidden_size", "n_embd", "d_model", "dim"),
    "intermediate_size": ("intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size", "hidden_dim"),
    "num_attention_heads": ("num_attention_heads", "n_head", "n_heads", "num_heads"),
    "num_kv_heads": ("num_key_value_heads", "num_kv_heads", "multi_query_group_num", "n_kv_heads"),
    "head_dim": ("head_dim", "attention_head_dim", "kv_channels"),
    "vocab_size": ("padded_vocab_size", "vocab_size"),
    "max_position": (
        "max_position_embeddings",
        "model_max_length",
        "seq_length",
        "max_seq_len",
        "n_positions",
        "max_sequence_length",
        "max_trained_positions",
    ),
    "num_experts": ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"),
    "experts_per_token": (
        "num_experts_per_tok",
        "num_experts_per_token",
        "top_k_experts",
        "moe_top_k",
        "experts_per_token",
    ),
    "shared_experts": ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts"),
    "shared_width": (
        "shared_expert_intermediate_size",
        "moe_shared_expert_intermediate_size",
        "shared_intermediate_size",
    ),
    "first_dense": ("first_k_dense_replace", "first_dense_layers"),
    "conv_kernel": ("linear_conv_kernel_dim", "conv_kernel", "mamba_d_conv", "short_conv_kernel_size"),
    "mamba_heads": ("mamba_num_heads", "mamba_n_heads"),
    "mamba_head_dim": ("mamba_head_dim", "mamba_d_head"),
    "ssm_state_size": ("ssm_state_size", "mamba_d_state"),
    "n_groups": ("n_groups", "mamba_n_groups"),
}
LARGEST: Final = 10**12
"""No size of a model comes near; beyond it stand placeholders (``model_max_length`` of 1e30)."""
_NESTED: Final = ("text_config", "llm_config", "language_config", "thinker_config", "language_model_config")
_DTYPES: Final = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32", "half": "fp16", "float": "fp32"}


def text_config(config: Config) -> dict[str, Any]:
    """The language model's part, with the outer fields behind it where it has none of its own."""
    for key in _NESTED:
        inner = config.get(key)
        if isinstance(inner, Mapping):
            outer = {k: v for k, v in config.items() if k not in _NESTED}
            return text_config({**outer, **inner})
    return dict(config)


def number(config: Config, field: str) -> int | None:
    """The first of the field's names that is set to a number; -1, infinity and the like mean "not set"."""
    for name in NAMES.get(field, (field,)):
        value = config.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LARGEST:
            return int(value)
    return None


def required(config: Config, *fields: str) -> dict[str, int]:
    """All the fields; InputError that names everything missing at once."""
    found = {field: number(config, field) for field in fields}
    missing = [field for field, value in found.items() if not value]
    if missing:
        raise InputError(
            *(
                Problem(
                    message="missing from the model's config, or not a positive number",
                    path=field,
                    accepted=" or ".join(NAMES[field]),
                )
                for field in missing
            )
        )
    return {field: value for field, value in found.items() if value is not None}


def model_type(config: Config) -> str:
    return str(config.get("model_type") or "").lower()


def layer_kinds(config: Config, num_layers: int) -> list[str]:
    """``layer_types`` or what stands for it; empty where all layers are alike."""
    kinds = config.get("layer_types") or config.get("layers_block_type")
    return [str(kind) for kind in kinds][:num_layers] if isinstance(kinds, list) else []


def weights_dtype(config: Config, *, moe: bool) -> str:
    """The checkpoint's own format: that of its quantization, else its dtype."""
    quantization = config.get("quantization_config") or config.get("compression_config")
    if isinstance(quantization, Mapping):
        name = _quantization(quantization, moe=moe)
        if name == "fp8" and config.get("expert_dtype") == "fp4":  # DeepSeek V4
            return "fp8+fp4"
        if name is not None:
            return name
    dtype = str(config.get("torch_dtype") or config.get("dtype") or "bfloat16").removeprefix("torch.")
    return _DTYPES.get(dtype, dtype)


def _quantization(quantization: Config, *, moe: bool) -> str | None:
    method = str(quantization.get("quant_method") or quantization.get("quant_algo") or "").lower()
    algorithm = str(quantization.get("quant_algo") or "").lower()
    bits = number(quantization, "bits") or number(quantization, "w_bit") or 4
    if "fp4" in algorithm or "mixed" in algorithm or method in ("nvfp4", "modelopt_fp4"):
        return "mxfp4" if "mxfp4" in algorithm else "nvfp4"
    if method == "compressed-tensors":
        return _compressed_tensors(quantization, moe=moe)
    if method == "bitsandbytes":
        return "bnb" if quantization.get("load_in_4bit") or quantization.get("_load_in_4bit") else "int8"
    if method in ("gptq", "auto-round", "auto_gptq", "inc", "intel/auto-round"):
        return "gptq-int8" if bits == 8 else "gptq"
    known = {
        "awq": "awq",
        "fp8": "fp8",
        "fbgemm_fp8": "fp8",
        "mxfp4": "mxfp4",
        "modelopt": "fp8",
        "quark": "fp8",
    }
    return known.get(method)


def _compressed_tensors(quantization: Config, *, moe: bool) -> str | None:
    """llm-compressor's groups: the weights of the first one decide."""
    groups = quantization.get("config_groups")
    weights = (
        next((g.get("weights") for g in groups.values() if isinstance(g, Mapping)), None) if groups else None
    )
    if not isinstance(weights, Mapping):
        return None
    bits, kind = number(weights, "num_bits") or 16, str(weights.get("type"))
    if kind == "float":
        return "fp8" if bits == 8 else "mxfp4" if number(weights, "group_size") == 32 else "nvfp4"
    if bits == 4:
        experts_only = moe and any("self_attn" in str(name) for name in quantization.get("ignore") or ())
        return "int4" if experts_only else "gptq"
    return "int8" if bits == 8 else None


def vision_params_b(config: Config) -> float | None:
    """Parameters (10**9) of the vision tower by its shape; None when the model has none."""
    vision = config.get("vision_config") or config.get("vit_config") or config.get("vision_encoder")
    if not isinstance(vision, Mapping):
        return None
    hidden = (
        number(vision, "hidden_size")
        or number(vision, "embed_dim")
        or number(vision, "vt_hidden_size")
        or 1152
    )
    hidden = number(vision, "embed_dim") or hidden
    layers = next((v for k in ("depth", "num_layers") if (v := number(vision, k))), None)
    layers = layers or number(vision, "num_hidden_layers") or number(vision, "vt_num_hidden_layers") or 27
    width = number(vision, "intermediate_size") or number(vision, "vt_intermediate_size") or 4 * hidden
    gated = str(vision.get("hidden_act", "")) in ("silu", "swiglu")
    block = 4 * hidden * hidden + (3 if gated else 2) * hidden * width
    text_hidden = number(text_config(config), "hidden_size") or 4096
    merger = 4 * hidden * 4 * hidden + 4 * hidden * text_hidden
    return round((layers * block + merger) / 1e9, 4)
