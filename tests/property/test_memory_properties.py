"""Laws of memory sizing that hold for every model, GPU and setting."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferstack.catalog.load import load_catalog
from inferstack.catalog.resolve import resolve_model
from inferstack.sizing.hardware import unsupported
from inferstack.sizing.kv import capacity, pool
from inferstack.sizing.memory import fit
from inferstack.sizing.types import Deployment
from inferstack.sizing.weights import layer_split, stages

MODELS = (
    "meta-llama/Llama-3.1-8B-Instruct",
    "Qwen/Qwen3-30B-A3B",
    "Qwen/Qwen3.5-9B",
    "google/gemma-3-12b-it",
    "deepseek-ai/DeepSeek-V2-Lite",
    "openai/gpt-oss-20b",
    "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16",
    "microsoft/phi-4",
    "mistralai/Mistral-Small-3.2-24B-Instruct-2506",
)
GPUS = ("A10G", "L4", "L40S", "A100-80GB", "H100", "H200", "B200", "RTX-PRO-6000")
VERSIONS = ("0.10.2", "0.11.0", "0.17.0", "0.19.1", "0.24.0", "0.33.0")


@st.composite
def deployments(draw: st.DrawFn, quantizations: tuple[str | None, ...] = (None, "fp8", "awq")) -> Deployment:
    model = draw(st.sampled_from(MODELS))
    return Deployment(
        model_id=model,
        architecture=resolve_model(model).architecture,
        gpu=load_catalog().accelerator(draw(st.sampled_from(GPUS))),
        tp=draw(st.sampled_from((1, 2))),
        pp=draw(st.sampled_from((1, 2))),
        quantization=draw(st.sampled_from(quantizations)),
        kv_cache_dtype=draw(st.sampled_from((None, "fp8"))),
        gpu_memory_utilization=draw(st.sampled_from((0.7, 0.8, 0.9))),
        max_model_len=draw(st.sampled_from((1024, 8192, 40960))),
        max_num_seqs=draw(st.sampled_from((None, 8, 256))),
        enforce_eager=draw(st.booleans()),
        vllm_version=draw(st.sampled_from(VERSIONS)),
    )


@given(deployments())
@settings(max_examples=150, deadline=None)
def test_the_budget_is_spent_to_the_last_byte(deployment: Deployment) -> None:
    found = fit(deployment)
    counted = found.cuda_graphs_gib_per_gpu if deployment.vllm_version >= "0.21" else 0.0
    spent = found.weights_gib_per_gpu + found.activation_gib_per_gpu + found.non_torch_gib_per_gpu + counted
    budget = found.gpu_memory_gib * found.gpu_memory_utilization
    assert spent + found.kv_cache_gib_per_gpu == pytest.approx(budget)


@given(deployments())
@settings(max_examples=150, deadline=None)
def test_what_fits_holds_a_request_of_the_model_length(deployment: Deployment) -> None:
    found = fit(deployment)
    if found.fits:
        assert found.kv_cache_gib_per_gpu > 0
        assert found.max_concurrency >= 1
        assert found.kv_cache_tokens > 0
    else:
        assert found.reason
        assert found.max_concurrency < 1 or unsupported(deployment) or "utilization" in found.reason


@given(deployments(), st.sampled_from((0.75, 0.85, 0.92)))
@settings(max_examples=100, deadline=None)
def test_tokens_grow_with_utilization(deployment: Deployment, higher: float) -> None:
    assert deployment.gpu_memory_utilization is not None
    low, high = sorted((deployment.gpu_memory_utilization, higher))
    less = fit(replace(deployment, gpu_memory_utilization=low))
    more = fit(replace(deployment, gpu_memory_utilization=high))
    assert more.kv_cache_tokens >= less.kv_cache_tokens
    assert more.weights_gib_per_gpu == less.weights_gib_per_gpu


@given(deployments())
@settings(max_examples=100, deadline=None)
def test_more_sequences_or_longer_batches_never_leave_more_cache(deployment: Deployment) -> None:
    small = fit(replace(deployment, max_num_seqs=8, max_num_batched_tokens=1024))
    for larger in ({"max_num_seqs": 512}, {"max_num_batched_tokens": 16384}):
        found = fit(replace(deployment, **{"max_num_seqs": 8, "max_num_batched_tokens": 1024, **larger}))
        assert found.kv_cache_gib_per_gpu <= small.kv_cache_gib_per_gpu


@given(deployments(quantizations=(None,)), st.sampled_from((1024, 4096, 16384)))
@settings(max_examples=100, deadline=None)
def test_concurrency_falls_with_the_model_length(deployment: Deployment, length: int) -> None:
    longer = fit(replace(deployment, max_model_len=2 * length, max_num_batched_tokens=2048))
    shorter = fit(replace(deployment, max_model_len=length, max_num_batched_tokens=2048))
    assert longer.max_concurrency <= shorter.max_concurrency


@given(deployments(quantizations=(None,)))
@settings(max_examples=100, deadline=None)
def test_fp8_caches_hold_about_twice_the_requests_and_never_fewer(deployment: Deployment) -> None:
    full = fit(replace(deployment, kv_cache_dtype=None))
    half = fit(replace(deployment, kv_cache_dtype="fp8"))
    assert half.max_concurrency >= full.max_concurrency
    # whole blocks and per-request states keep it from being exactly twice
    assert half.max_concurrency <= 2.1 * full.max_concurrency + 1


@given(st.sampled_from(MODELS), st.sampled_from((None, "fp8", "awq", "nvfp4", "int8")))
@settings(max_examples=60, deadline=None)
def test_tensor_parallelism_shrinks_weights_but_never_below_its_share(model: str, form: str | None) -> None:
    a = resolve_model(model).architecture
    one, two, four = (
        stages(a, form, tp, 1, expert_parallel=False, blackwell=False)[0].weight_bytes for tp in (1, 2, 4)
    )
    assert one > two > four
    assert two >= one / 2
    assert four >= one / 4


@given(st.sampled_from(MODELS), st.sampled_from((1, 2, 3, 4, 8)))
@settings(max_examples=60, deadline=None)
def test_pipeline_stages_together_hold_the_model_and_all_its_layers(model: str, pp: int) -> None:
    a = resolve_model(model).architecture
    whole = stages(a, None, 1, 1, expert_parallel=False, blackwell=False)[0]
    parts = stages(a, None, 1, pp, expert_parallel=False, blackwell=False)
    assert sum(part.layers for part in parts) == whole.layers
    assert sum(part.weight_bytes for part in parts) >= whole.weight_bytes * (1 - 1e-9)
    assert all(part.weight_bytes < whole.weight_bytes for part in parts) or pp == 1
    assert parts[0].first
    assert parts[-1].last


@given(st.integers(1, 200), st.integers(1, 16))
def test_layers_are_split_without_loss_and_evenly(layers: int, pp: int) -> None:
    split = layer_split(layers, pp)
    assert (len(split), sum(split)) == (pp, layers)
    assert max(split) - min(split) <= 1


@given(
    st.sampled_from(MODELS),
    st.sampled_from((1, 2)),
    st.floats(0.5, 200),
    st.floats(1.01, 3),
    st.sampled_from(((0, 9, 0), (0, 19, 0), (0, 33, 0))),
)
@settings(max_examples=100, deadline=None)
def test_more_memory_never_holds_fewer_blocks(
    model: str, tp: int, gib: float, factor: float, version: tuple[int, ...]
) -> None:
    a = resolve_model(model).architecture
    pages = pool(a, tp, a.num_layers, 2.0, version, 9.0)
    held = [
        capacity(pages, size * 2**30, max_model_len=8192, in_flight=8192, version=version)
        for size in (gib, gib * factor)
    ]
    assert held[0].blocks <= held[1].blocks
    assert held[0].tokens <= held[1].tokens
    assert held[0].max_concurrency <= held[1].max_concurrency


@given(st.sampled_from(MODELS), st.integers(1, 64))
@settings(max_examples=60, deadline=None)
def test_more_layers_never_need_less(model: str, extra: int) -> None:
    a = resolve_model(model).architecture
    if a.moe is not None or a.hybrid is not None or a.sliding_window is not None:
        return
    deeper = a.model_copy(update={"num_layers": a.num_layers + extra})
    small, large = (
        stages(x, None, 1, 1, expert_parallel=False, blackwell=False)[0].weight_bytes for x in (a, deeper)
    )
    assert large > small
    assert (
        pool(deeper, 1, deeper.num_layers, 2.0, (0, 33), 9.0).bytes_per_block
        > pool(a, 1, a.num_layers, 2.0, (0, 33), 9.0).bytes_per_block
    )
