"""From a model's ``config.json`` (transformers' names) to its architecture, for models not in the catalog."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from inferstack.catalog.hf_fields import (
    Config,
    layer_kinds,
    model_type,
    number,
    required,
    text_config,
    vision_params_b,
    weights_dtype,
)
from inferstack.catalog.types import Architecture, Hybrid, KvCache, Mla, Moe, SlidingWindow
from inferstack.errors import InputError, Problem

_TIED_BY_DEFAULT: Final = ("gemma", "cohere", "opt", "gpt2", "falcon", "gpt_bigcode")
_PLAIN_MLP: Final = (
    "opt",
    "gpt2",
    "phi",
    "starcoder2",
    "nemotron",
    "falcon",
    "gpt_bigcode",
    "mpt",
    "gpt_neox",
)
_QKV_BIAS: Final = (
    "qwen",
    "qwen2",
    "qwen2_moe",
    "qwen2_vl",
    "qwen2_5_vl",
    "opt",
    "gpt2",
    "phi",
    "chatglm",
    "gpt_oss",
)
_ENCODERS: Final = ("bert", "roberta", "xlm-roberta", "camembert", "nomic_bert", "modernbert", "new", "mpnet")
_INDEXER_BYTES: Final = 132


def architecture_from_hf_config(config: Config, *, file: str | None = None) -> Architecture:
    """The architecture that a config (read from ``file``) describes.

    Raises InputError, naming every field, when the sizes that memory depends on are missing, and for a
    config whose parts are not of the types that they have in every family.
    """
    try:
        return _architecture(config)
    except InputError as error:
        raise InputError(*(replace(problem, file=file) for problem in error.problems)) from error
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        message = f"not a model's config: {str(error).splitlines()[0]}"
        accepted = "the config.json of a text model"
        raise InputError(Problem(message=message, file=file, accepted=accepted)) from error


def _architecture(config: Config) -> Architecture:
    text = text_config(config)
    kind = model_type(text)
    if number(text, "num_layers") is None and _letters(text):
        text["num_hidden_layers"] = len(_letters(text))
    core = required(text, "num_layers", "hidden_size", "num_attention_heads", "vocab_size")
    heads = core["num_attention_heads"]
    moe = _moe(text, core["num_layers"])
    hybrid = _hybrid(text, core["num_layers"])
    sliding = None if hybrid else _sliding(text, core["num_layers"])
    mla = _mla(text)
    kv_heads = _kv_heads(text, heads)
    encoder = kind in _ENCODERS
    fields: dict[str, Any] = {
        **core,
        "kind": "encoder" if encoder else "moe" if moe else "dense",
        "attention": _attention(text, hybrid=hybrid, sliding=sliding, mla=mla, grouped=kv_heads != heads),
        "intermediate_size": _intermediate(text, core["hidden_size"]),
        "num_kv_heads": kv_heads,
        "head_dim": None if mla else number(text, "head_dim"),
        "qkv_bias": _qkv_bias(text, kind),
        "tie_word_embeddings": _tied(text, kind),
        "gated_mlp": _is_gated(text, kind),
        "attention_gate": bool(text.get("attn_output_gate")) and hybrid is None,
        "double_wide_shared_mlp": bool(text.get("use_double_wide_mlp")),
        "language_head": not encoder,
        "sliding_window": sliding,
        "hybrid": hybrid,
        "moe": moe,
        "mla": mla,
        "kv_cache": _kv_cache(text, core["num_layers"]),
        "non_text_params_b": vision_params_b(config),
        "vision_replicated": kind.startswith(("pixtral", "mistral3")) or "pixtral" in model_type(config),
        "native_dtype": weights_dtype({**text, **config}, moe=moe is not None),
        "model_type": kind or None,
        **_positions(text, kind),
        **_gemma(text),
    }
    return Architecture.model_validate(fields)


def _attention(
    text: Config, *, hybrid: Hybrid | None, sliding: SlidingWindow | None, mla: Mla | None, grouped: bool
) -> str:
    if text.get("compress_ratios"):
        return "hybrid (CSA/HCA compressed sparse attention, MQA with shared K=V)"
    if hybrid is not None:
        names = {
            "gated_deltanet": "hybrid (gated DeltaNet + gated GQA)",
            "kimi_delta_attention": "hybrid (KDA linear + MLA)",
            "mamba2": "hybrid (Mamba-2 + GQA)",
        }
        return names.get(hybrid.linear_kind, "gqa")
    if mla is not None:
        return "mla + DSA sparse indexer" if text.get("index_topk") else "mla"
    base = "gqa" if grouped else "mha"
    return f"{base}+sliding" if sliding else base


def _tied(text: Config, kind: str) -> bool:
    stated = text.get("tie_word_embeddings")
    return stated if isinstance(stated, bool) else kind.startswith(_TIED_BY_DEFAULT)


def _kv_heads(text: Config, heads: int) -> int:
    if isinstance(
        text.get("block_configs"), list
    ):  # a per-layer search: the group size of its first attention
        groups = (block.get("attention") or {} for block in text["block_configs"])
        return next((heads // g["n_heads_in_group"] for g in groups if g.get("n_heads_in_group")), heads)
    return number(text, "num_kv_heads") or (1 if text.get("multi_query") else heads)


def _intermediate(text: Config, hidden: int) -> int | None:
    """Width of the dense feed-forward; of a per-layer search its mean."""
    blocks = text.get("block_configs")
    if isinstance(blocks, list):
        widths = [_nas_width(block, hidden) for block in blocks]
        return round(sum(widths) / len(widths))
    if number(text, "intermediate_size_mlp"):  # Llama 4: dense layers; experts have intermediate_size
        return number(text, "intermediate_size_mlp")
    return number(text, "intermediate_size") or (4 * hidden if "moe_intermediate_size" not in text else None)


def _nas_width(block: Config, hidden: int) -> float:
    ffn = block.get("ffn") or {}
    if ffn.get("no_op"):
        return 0.0
    if ffn.get("replace_with_linear"):
        return hidden / 3
    exact = 2 * float(ffn.get("ffn_mult") or 0) * hidden / 3
    return float(ffn.get("intermediate_size") or -(-exact // 256) * 256)


def _qkv_bias(text: Config, kind: str) -> bool:
    for key in ("qkv_bias", "attention_bias", "add_qkv_bias", "use_qkv_bias"):
        if isinstance(text.get(key), bool):
            return bool(text[key])
    return kind in _QKV_BIAS or (kind == "starcoder2" and bool(text.get("use_bias", True)))


def _is_gated(text: Config, kind: str) -> bool:
    activation = str(
        text.get("activation_function") or text.get("hidden_act") or text.get("mlp_hidden_act") or ""
    )
    if kind in _ENCODERS:
        return activation in ("swiglu", "silu", "geglu")
    plain = kind in _PLAIN_MLP or kind.startswith("nemotron") or activation == "relu2"
    return not (plain and not isinstance(text.get("block_configs"), list))


def _moe(text: Config, num_layers: int) -> Moe | None:
    experts = number(text, "num_experts")
    per_token = number(text, "experts_per_token")
    if not experts or experts < 2 or not per_token:
        return None
    width = number(text, "moe_intermediate_size") or number(text, "intermediate_size") or 0
    shared_width = number(text, "shared_width")
    shared = number(text, "shared_experts") or (
        1 if shared_width or text.get("model_type") == "llama4_text" else 0
    )
    parallel = number(text, "intermediate_size") if text.get("enable_moe_block") else None
    return Moe(
        num_experts=experts,
        experts_per_token=per_token,
        num_shared_experts=shared,
        moe_intermediate_size=width,
        first_dense_layers=_dense_layers(text, num_layers),
        dense_layers=_dense_layers(text, num_layers),
        shared_expert_intermediate_size=shared_width,
        parallel_dense_mlp=parallel,
        routed_expert_hidden_size=number(text, "routed_expert_hidden_size"),
        moe_latent_size=number(text, "moe_latent_size"),
    )


def _dense_layers(text: Config, num_layers: int) -> int:
    """Layers without experts, by whichever of the ways a family says it."""
    kinds = text.get("mlp_layer_types")
    if isinstance(kinds, list):
        return sum(kind == "dense" for kind in kinds[:num_layers])
    step = number(text, "interleave_moe_layer_step") or number(text, "decoder_sparse_step") or 1
    only = text.get("mlp_only_layers")
    dense = num_layers - num_layers // step
    dense += len(only) if isinstance(only, list) else 0
    return max(dense, number(text, "first_dense") or 0)


def _mla(text: Config) -> Mla | None:
    rank = number(text, "kv_lora_rank") or None
    if rank is None and not text.get("compress_ratios"):
        return None
    width = number(text, "head_dim") or 0
    rope = number(text, "qk_rope_head_dim") or 0
    return Mla(
        kv_lora_rank=rank,
        qk_rope_head_dim=rope,
        qk_nope_head_dim=number(text, "qk_nope_head_dim") or max(0, width - rope),
        v_head_dim=number(text, "v_head_dim") or width,
        q_lora_rank=number(text, "q_lora_rank"),
    )


def _sliding(text: Config, num_layers: int) -> SlidingWindow | None:
    """Local attention: layer types, a repeating pattern, or chunks (Llama 4)."""
    kinds = layer_kinds(text, num_layers)
    size = number(text, "sliding_window") or number(text, "sliding_window_size")
    local = sum(kind in ("sliding_attention", "chunked_attention") for kind in kinds)
    chunk = number(text, "attention_chunk_size")
    if chunk and (local or "no_rope_layers" in text or model_type(text).startswith("llama4")):
        local = local or num_layers - num_layers // 4
        return _window(chunk, num_layers, local, "chunked local attention")
    if size is None or text.get("use_sliding_window") is False:
        return None
    if not kinds:
        local = _patterned(text, num_layers)
    return _window(size, num_layers, local, None) if local else None


def _window(size: int, num_layers: int, local: int, pattern: str | None) -> SlidingWindow:
    return SlidingWindow(
        size=size, full_attention_layers=num_layers - local, sliding_layers=local, pattern=pattern
    )


def _patterned(text: Config, num_layers: int) -> int:
    """Sliding layers of the families that state a period (or none, and have one)."""
    kind = model_type(text)
    period = number(text, "sliding_window_pattern") or number(text, "_sliding_window_pattern")
    default = {"gemma2": 2, "gpt_oss": 2, "gemma3": 6, "gemma3_text": 6, "cohere2": 4}.get(kind)
    period = period or default
    if period:
        return num_layers - num_layers // period
    return num_layers if kind == "mistral" else 0


def _hybrid(text: Config, num_layers: int) -> Hybrid | None:
    kind = model_type(text)
    if isinstance(text.get("block_configs"), list):
        gone = sum(bool((block.get("attention") or {}).get("no_op")) for block in text["block_configs"])
        removed = Hybrid(
            linear_kind="none (attention removed)", linear_layers=0, full_attention_layers=num_layers - gone
        )
        return removed if gone else None
    if number(text, "linear_num_value_heads"):
        return _delta_net(text, num_layers)
    if isinstance(text.get("linear_attn_config"), dict) and kind != "minimax":
        return _kimi_delta(text["linear_attn_config"], num_layers)
    if _letters(text) or kind == "granitemoehybrid":
        return _mamba(text, num_layers)
    return None


def _delta_net(text: Config, num_layers: int) -> Hybrid:
    kinds = layer_kinds(text, num_layers)
    full = sum(kind == "full_attention" for kind in kinds)
    full = full or num_layers // (number(text, "full_attention_interval") or 4)
    return Hybrid(
        linear_kind="gated_deltanet",
        linear_layers=num_layers - full,
        full_attention_layers=full,
        linear_key_heads=number(text, "linear_num_key_heads"),
        linear_key_head_dim=number(text, "linear_key_head_dim"),
        linear_value_heads=number(text, "linear_num_value_heads"),
        linear_value_head_dim=number(text, "linear_value_head_dim"),
        conv_kernel=number(text, "conv_kernel") or 4,
    )


def _kimi_delta(linear: Config, num_layers: int) -> Hybrid:
    full = linear.get("full_attn_layers")
    count = len(full) if isinstance(full, list) else num_layers // 4
    return Hybrid(
        linear_kind="kimi_delta_attention",
        linear_layers=num_layers - count,
        full_attention_layers=count,
        linear_heads=number(linear, "num_heads"),
        linear_head_dim=number(linear, "head_dim"),
        conv_kernel=number(linear, "conv_kernel") or 4,
    )


def _letters(text: Config) -> str:
    """Nemotron-H's layers: M mamba, * attention, - feed-forward, E experts; empty for other families."""
    pattern = text.get("hybrid_override_pattern")
    if isinstance(pattern, str):
        return pattern
    kinds = text.get("layers_block_type")
    if not isinstance(kinds, list) or not model_type(text).startswith("nemotron"):
        return ""
    return "".join({"mamba": "M", "attention": "*", "moe": "E"}.get(str(kind), "-") for kind in kinds)


def _mamba(text: Config, num_layers: int) -> Hybrid:
    """Nemotron-H by its letters, Granite by its layer types."""
    pattern = _letters(text)
    if pattern:
        linear, full = pattern.count("M"), pattern.count("*")
        feed_forward: int | None = pattern.count("E") + pattern.count("-")
    else:
        kinds = layer_kinds(text, num_layers)
        linear = sum(kind == "mamba" for kind in kinds)
        full, feed_forward = num_layers - linear, None
    if not linear:
        return Hybrid(linear_kind="none (attention removed)", linear_layers=0, full_attention_layers=full)
    return Hybrid(
        linear_kind="mamba2",
        linear_layers=linear,
        full_attention_layers=full,
        moe_layers=feed_forward,
        conv_kernel=number(text, "conv_kernel") or 4,
        mamba_heads=number(text, "mamba_heads"),
        mamba_head_dim=number(text, "mamba_head_dim"),
        ssm_state_size=number(text, "ssm_state_size"),
        n_groups=number(text, "n_groups"),
    )


def _kv_cache(text: Config, num_layers: int) -> KvCache | None:
    """What the shape alone does not say: index keys of sparse attention, compressed caches."""
    ratios = text.get("compress_ratios")
    if isinstance(ratios, list):
        used = ratios[:num_layers]
        return KvCache(
            full_layers=0,
            full_bytes_per_token_bf16=0,
            sliding_layers=num_layers,
            sliding_bytes_per_token_bf16=0,
            csa_layers=sum(0 < ratio <= 8 for ratio in used),
            hca_layers=sum(ratio > 8 for ratio in used),
        )
    if not text.get("index_topk"):
        return None
    kinds = text.get("indexer_types")
    indexers = sum(kind == "full" for kind in kinds[:num_layers]) if isinstance(kinds, list) else num_layers
    return KvCache(
        full_layers=num_layers,
        full_bytes_per_token_bf16=0,
        sliding_layers=0,
        sliding_bytes_per_token_bf16=0,
        indexer_bytes_per_token=indexers * _INDEXER_BYTES,
    )


def _positions(text: Config, kind: str) -> dict[str, Any]:
    longest = number(text, "max_position")
    scaling = text.get("rope_scaling") or text.get("rope_parameters") or {}
    linear = str(scaling.get("rope_type") or scaling.get("type")) == "linear"
    factor = scaling.get("factor")
    table = int(longest * (1 + float(factor))) if longest and linear and factor else None
    if kind.startswith("gemma3") and longest == 131_072 and table is None:
        table = longest * 9
    return {"max_position": longest, "rotary_positions": table}


def _gemma(text: Config) -> dict[str, Any]:
    """Gemma 3n and 4: other global heads, shared KV layers, per-layer embeddings."""
    return {
        "global_head_dim": number(text, "global_head_dim"),
        "global_num_kv_heads": number(text, "num_global_key_value_heads"),
        "num_kv_shared_layers": number(text, "num_kv_shared_layers") or None,
        "hidden_size_per_layer_input": number(text, "hidden_size_per_layer_input") or None,
    }
