"""Every model entry: complete, consistent with its own shape, under a licence that exists."""

from __future__ import annotations

import datetime as dt

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.catalog.types import Architecture, Model

CATALOG = load_catalog()
MODELS = CATALOG.models()
WITH_WEIGHTS = [model for model in MODELS if model.architecture is not None]

ROUNDED = {"ibm-granite/granite-4.1-30b"}
"""Models whose published size is rounded so much that the plain formula misses it by 2 to 3 %."""


def _head_dim(a: Architecture) -> int:
    return a.head_dim or a.hidden_size // a.num_attention_heads


def _attention(a: Architecture) -> int:
    heads, hidden = a.num_attention_heads, a.hidden_size
    if a.mla is None or a.mla.kv_lora_rank is None:
        queries = heads * (2 if a.attention_gate else 1)
        return hidden * _head_dim(a) * (queries + heads + 2 * a.num_kv_heads)
    m = a.mla
    query_width = heads * (m.qk_nope_head_dim + m.qk_rope_head_dim)
    query = hidden * m.q_lora_rank + m.q_lora_rank * query_width if m.q_lora_rank else hidden * query_width
    latent = hidden * (m.kv_lora_rank + m.qk_rope_head_dim)
    expand = m.kv_lora_rank * heads * (m.qk_nope_head_dim + m.v_head_dim)
    return query + latent + expand + heads * m.v_head_dim * hidden


def _mlp_all_layers(a: Architecture) -> int:
    matrices = 3 if a.gated_mlp else 2
    dense = matrices * a.hidden_size * (a.intermediate_size or 0)
    if a.moe is None:
        return dense * a.num_layers
    moe = a.moe
    shared = (moe.shared_expert_intermediate_size or moe.moe_intermediate_size) * moe.num_shared_experts
    experts = matrices * a.hidden_size * (moe.moe_intermediate_size * moe.num_experts + shared)
    sparse = (
        experts + a.hidden_size * moe.num_experts + matrices * a.hidden_size * (moe.parallel_dense_mlp or 0)
    )
    dense_layers = moe.dense_layers if moe.dense_layers is not None else moe.first_dense_layers
    return sparse * (a.num_layers - dense_layers) + dense * dense_layers


def _parameters_b(a: Architecture) -> float:
    one_matrix = a.tie_word_embeddings or a.kind == "encoder" or not a.language_head
    embedding = a.vocab_size * a.hidden_size * (1 if one_matrix else 2)
    return (embedding + _attention(a) * a.num_layers + _mlp_all_layers(a)) / 1e9 + (a.non_text_params_b or 0)


def _is_plain(a: Architecture) -> bool:
    latent_free = a.mla is None or a.mla.kv_lora_rank is not None
    return (
        not (a.hybrid or a.kind == "nas" or a.hidden_size_per_layer_input or a.sparse_attention)
        and latent_free
    )


PLAIN = [m for m in WITH_WEIGHTS if m.architecture is not None and _is_plain(m.architecture)]


@pytest.mark.parametrize("model", PLAIN, ids=lambda model: model.id)
def test_the_shape_gives_the_published_number_of_parameters(model: Model) -> None:
    assert model.architecture is not None
    assert model.total_params_b is not None
    tolerance = 0.03 if model.id in ROUNDED else 0.02
    assert _parameters_b(model.architecture) == pytest.approx(model.total_params_b, rel=tolerance)


def test_most_models_have_a_shape_that_the_plain_formula_covers() -> None:
    assert len(PLAIN) > 95
    assert {model.id for model in PLAIN} >= ROUNDED


def _full_layer_kv_bytes(a: Architecture) -> int:
    if a.mla is not None:
        assert a.mla.kv_lora_rank is not None
        return 2 * (a.mla.kv_lora_rank + a.mla.qk_rope_head_dim)
    heads, width = a.global_num_kv_heads or a.num_kv_heads, a.global_head_dim or _head_dim(a)
    return 2 * 2 * heads * width


CACHED = [
    m
    for m in PLAIN
    if m.architecture is not None
    and m.architecture.kv_cache is not None
    and not m.architecture.num_kv_shared_layers
]


@pytest.mark.parametrize("model", CACHED, ids=lambda model: model.id)
def test_stated_kv_bytes_follow_from_the_shape(model: Model) -> None:
    a = model.architecture
    assert a is not None
    assert a.kv_cache is not None
    kv = a.kv_cache
    assert kv.full_layers + kv.sliding_layers == a.num_layers
    assert kv.full_bytes_per_token_bf16 == kv.full_layers * _full_layer_kv_bytes(a)
    assert kv.sliding_bytes_per_token_bf16 == kv.sliding_layers * 4 * a.num_kv_heads * _head_dim(a)
    if kv.sliding_layers:
        assert a.sliding_window is not None
        assert (a.sliding_window.full_attention_layers, a.sliding_window.sliding_layers) == (
            kv.full_layers,
            kv.sliding_layers,
        )


HYBRID = [m for m in WITH_WEIGHTS if m.architecture is not None and m.architecture.hybrid is not None]


@pytest.mark.parametrize("model", HYBRID, ids=lambda model: model.id)
def test_hybrid_layers_add_up_and_keep_kv_only_in_full_attention(model: Model) -> None:
    a = model.architecture
    assert a is not None
    assert a.hybrid is not None
    assert a.kv_cache is not None
    h = a.hybrid
    assert h.linear_layers + h.full_attention_layers + (h.moe_layers or 0) + (
        h.no_op_attention_layers or 0
    ) <= a.num_layers + (h.moe_layers or 0)
    if a.mla is None:
        per_layer = 4 * a.num_kv_heads * _head_dim(a)
        assert a.kv_cache.full_bytes_per_token_bf16 % per_layer == 0 or a.kind == "nas"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_an_entry_is_complete_and_its_references_exist(model: Model) -> None:
    assert CATALOG.licence(model.licence).id == model.licence
    assert model.sources
    assert all(source.strip() for source in model.sources)
    assert model.checked <= dt.date(2026, 12, 31)
    assert model.developer
    assert model.developer_country is None or len(model.developer_country) == 2
    assert model.open_weights == (model.architecture is not None)
    if model.total_params_b is not None and model.active_params_b is not None:
        assert 0 < model.active_params_b <= model.total_params_b
    if model.max_context_extended is not None:
        assert model.max_context is not None
        assert model.max_context_extended >= model.max_context


@pytest.mark.parametrize("model", WITH_WEIGHTS, ids=lambda model: model.id)
def test_a_shape_is_possible(model: Model) -> None:
    a = model.architecture
    assert a is not None
    assert min(a.num_layers, a.hidden_size, a.num_attention_heads, a.num_kv_heads, a.vocab_size) > 0
    if a.kind != "nas":
        assert a.num_attention_heads % a.num_kv_heads == 0
    assert (a.moe is not None) == (a.kind == "moe")
    assert a.intermediate_size is not None or a.moe is not None or a.kind == "nas"
    if a.moe is not None:
        assert a.moe.experts_per_token <= a.moe.num_experts


def test_all_developers_and_tasks_of_the_catalog_are_there() -> None:
    assert len(MODELS) >= 137
    assert {model.task for model in MODELS} == {"chat", "code", "embedding", "reranker", "math"}
    assert {"US", "CN", "FR", "CA", None} <= {model.developer_country for model in MODELS}
    without = [model.id for model in MODELS if model.architecture is None]
    assert without == ["mistral-medium-2505"]


def test_checkpoints_name_a_repository_and_a_format() -> None:
    checkpoints = [checkpoint for model in MODELS for checkpoint in model.checkpoints]
    assert len(checkpoints) > 100
    assert all("/" in checkpoint.id and checkpoint.format for checkpoint in checkpoints)


def test_reading_one_model_reads_one_file() -> None:
    from inferstack.catalog.load import Catalog

    fresh = Catalog()
    fresh.model("openai/gpt-oss-120b")
    assert [path.name for path in fresh._models_by_file] == ["openai.yaml"]
