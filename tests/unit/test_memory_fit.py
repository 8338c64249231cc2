"""`fit`: the budget, the refusals, and what hardware cannot run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.catalog.resolve import resolve_model
from inferstack.errors import InputError
from inferstack.sizing.memory import fit
from inferstack.sizing.overhead import captured_sizes
from inferstack.sizing.types import Deployment, Fit
from inferstack.sizing.vllm_defaults import limits, version_key


def deployment(
    model: str = "meta-llama/Llama-3.1-8B-Instruct", gpu: str = "H100", **fields: Any
) -> Deployment:
    resolved = resolve_model(model)
    asked = {"quantization": resolved.quantization, **fields}
    return Deployment(
        model_id=resolved.id, architecture=resolved.architecture, gpu=load_catalog().accelerator(gpu), **asked
    )


def answer(model: str = "meta-llama/Llama-3.1-8B-Instruct", gpu: str = "H100", **fields: Any) -> Fit:
    return fit(deployment(model, gpu, **fields))


@pytest.mark.parametrize(
    ("model", "gpu", "fields", "tokens"),
    [
        # H100 sweep of llm-d's planner, vLLM 0.19
        ("meta-llama/Llama-3.1-8B-Instruct", "H100", {"tp": 2}, 1044688),
        ("meta-llama/Llama-3.1-8B-Instruct", "H100", {"pp": 4}, 2257264),
        ("Qwen/Qwen3-30B-A3B", "H100", {}, 168288),
        ("deepseek-ai/DeepSeek-V2-Lite-Chat", "H100", {"tp": 4}, 2199888),
        ("google/gemma-3-27b-it", "H100", {}, 36560),
        ("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "H100", {"tp": 4}, 708992),
    ],
)
def test_tokens_are_those_of_measured_start_ups(
    model: str, gpu: str, fields: dict[str, Any], tokens: int
) -> None:
    found = answer(
        model, gpu, max_model_len=8192, gpu_memory_utilization=0.95, vllm_version="0.19.0", **fields
    )
    assert found.fits
    assert found.kv_cache_tokens == pytest.approx(tokens, rel=0.015)


def test_a_recent_version_counts_graphs_into_the_budget() -> None:
    found = answer(gpu="A100-80GB", vllm_version="0.31.0", max_model_len=131072)
    assert found.kv_cache_tokens == pytest.approx(460496, rel=0.005)
    spent = (
        found.weights_gib_per_gpu
        + found.activation_gib_per_gpu
        + found.non_torch_gib_per_gpu
        + found.cuda_graphs_gib_per_gpu
        + found.kv_cache_gib_per_gpu
    )
    assert spent == pytest.approx(0.92 * found.gpu_memory_gib)


def test_an_older_version_does_not() -> None:
    found = answer(vllm_version="0.19.0", max_model_len=8192)
    spent = found.weights_gib_per_gpu + found.activation_gib_per_gpu + found.non_torch_gib_per_gpu
    assert spent + found.kv_cache_gib_per_gpu == pytest.approx(0.9 * found.gpu_memory_gib)
    assert found.cuda_graphs_gib_per_gpu > 0.5


def test_eager_mode_captures_no_graphs_and_leaves_more_cache() -> None:
    eager = answer(max_model_len=8192, enforce_eager=True)
    assert eager.cuda_graphs_gib_per_gpu == 0
    assert eager.kv_cache_tokens > answer(max_model_len=8192).kv_cache_tokens


@pytest.mark.parametrize(
    ("model", "gpu", "fields"),
    [
        ("openai/gpt-oss-120b", "H100", {"vllm_version": "0.10.1", "max_model_len": 131072}),
        ("Qwen/Qwen-72B-Chat", "A100-40GB", {"tp": 4, "vllm_version": "0.2.6", "enforce_eager": True}),
        ("meta-llama/Llama-3.1-70B-Instruct", "H100", {"max_model_len": 4096}),
        ("deepseek-ai/DeepSeek-V3", "H100", {"tp": 8, "max_model_len": 4096}),
    ],
)
def test_what_ran_out_of_memory_does_not_fit(model: str, gpu: str, fields: dict[str, Any]) -> None:
    found = answer(model, gpu, **fields)
    assert not found.fits
    assert found.kv_cache_tokens == 0
    assert "no memory left for the KV cache" in found.reason
    assert found.kv_cache_gib_per_gpu < 0


def test_a_context_longer_than_the_cache_does_not_fit_and_says_how_much_it_needs() -> None:
    found = answer(gpu="A10G", max_model_len=131072, vllm_version="0.9.2")
    assert not found.fits
    assert 0 < found.max_concurrency < 1
    assert found.reason.startswith("one request of 131,072 tokens needs 16.00 GiB of KV cache")


def test_encoders_fit_without_a_cache() -> None:
    found = answer("BAAI/bge-m3", "T4")
    assert found.fits
    assert (found.kv_cache_tokens, found.max_concurrency) == (0, 0.0)
    assert "encoders keep no KV cache" in found.reason


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"tp": 3}, "32 attention heads cannot be divided over 3 GPUs"),
        ({"tp": 64}, "32 attention heads cannot be divided over 64 GPUs"),
        ({"pp": 33}, "32 layers cannot be divided over 33 stages"),
        ({"gpu": "V100-32GB"}, "compute capability 7.0; vLLM 0.33.0 needs 7.5"),
        ({"gpu": "B200", "quantization": "int8"}, "INT8 W8A8 has no kernels on"),
        ({"gpu": "T4", "model": "openai/gpt-oss-20b"}, "MXFP4 needs compute capability 8.0"),
        ({"quantization": "bnb-4bit"}, "bitsandbytes is an out-of-tree plugin"),
        ({"quantization": "gguf-q4_k_m"}, "GGUF is an out-of-tree plugin"),
        ({"gpu": "T4", "model": "Qwen/Qwen3-4B", "kv_cache_dtype": "fp8"}, "no FP8 KV cache"),
        ({"gpu_memory_utilization": 1.0}, "a utilization of 1 leaves 0.00 GiB"),
    ],
)
def test_what_cannot_run_says_why(fields: dict[str, Any], reason: str) -> None:
    found = answer(**{"max_model_len": 2048, **fields})
    assert not found.fits
    assert reason in found.reason


@pytest.mark.parametrize(
    ("model", "tp", "reason"),
    [
        ("Qwen/Qwen1.5-4B-Chat", 5, "the vocabulary of 151936 (padded 151936) cannot be divided over 5 GPUs"),
        ("microsoft/phi-4", 4, "10 key/value heads cannot be divided over 4 GPUs"),
        ("tiiuae/falcon-7b-instruct", 2, "71 attention heads cannot be divided over 2 GPUs"),
    ],
)
def test_shapes_that_do_not_divide_are_refused(model: str, tp: int, reason: str) -> None:
    assert answer(model, "H100", tp=tp, max_model_len=2048).reason == reason


def test_old_versions_ran_on_volta_and_carried_gguf() -> None:
    assert answer(
        "facebook/opt-6.7b", "V100-16GB", vllm_version="0.7.3", gpu_memory_utilization=0.95, max_model_len=512
    ).fits
    assert answer(quantization="gguf-q4_k_m", vllm_version="0.19.0", max_model_len=2048).fits


def test_fp8_checkpoints_run_weight_only_on_older_gpus() -> None:
    assert answer("RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8", "A10G", max_model_len=8192).fits
    assert answer("Qwen/Qwen3-4B", "T4", max_model_len=4096).fits, "bf16 models run as fp16"


def test_an_unknown_cache_dtype_is_bad_input() -> None:
    with pytest.raises(InputError, match=r"unknown KV cache dtype.*fp3.*accepted: auto, bf16"):
        answer(kv_cache_dtype="fp3")


# --- defaults ---


@pytest.mark.parametrize(
    ("gpu", "version", "expected"),
    [
        ("H100", "0.33.0", (0.92, 1024, 8192)),
        ("B200", "0.33.0", (0.92, 1024, 16384)),
        ("A100-80GB", "0.33.0", (0.92, 256, 2048)),
        ("L4", "0.33.0", (0.92, 256, 2048)),
        ("H100", "0.19.1", (0.9, 1024, 8192)),
        ("B200", "0.19.1", (0.9, 1024, 8192)),
        ("L40S", "0.8.4", (0.9, 1024, 2048)),
        ("T4", "0.8.4", (0.9, 256, 8192)),
        ("H100", "v0.6.3", (0.9, 256, 8192)),
    ],
)
def test_defaults_are_those_of_the_version_and_the_gpu(
    gpu: str, version: str, expected: tuple[float, int, int]
) -> None:
    found = limits(deployment(gpu=gpu, vllm_version=version, max_model_len=8192))
    assert (found.gpu_memory_utilization, found.max_num_seqs, found.max_num_batched_tokens) == expected


def test_what_is_given_wins() -> None:
    found = limits(
        deployment(gpu_memory_utilization=0.5, max_num_seqs=8, max_num_batched_tokens=512, max_model_len=1000)
    )
    assert (found.gpu_memory_utilization, found.max_num_seqs) == (0.5, 8)
    assert (found.max_num_batched_tokens, found.max_model_len) == (512, 1000)


def test_the_model_length_defaults_to_the_models_own() -> None:
    assert limits(deployment("Qwen/Qwen3-8B")).max_model_len == 40960
    bare = deployment("Qwen/Qwen3-8B")
    nowhere = replace(bare, architecture=bare.architecture.model_copy(update={"max_position": None}))
    assert limits(nowhere).max_model_len == 131072


def test_v0_prefilled_whole_prompts_up_to_32k_and_whatever_the_length_before_0_5_5() -> None:
    def batched(length: int, version: str) -> int:
        return limits(deployment(max_model_len=length, vllm_version=version)).max_num_batched_tokens

    assert batched(1024, "0.7.3") == 2048
    assert batched(32768, "0.7.3") == 32768
    assert batched(131072, "0.7.3") == 2048
    assert batched(131072, "0.4.3") == 131072


@pytest.mark.parametrize(
    ("text", "key"), [("0.33.0", (0, 33, 0)), ("v0.11.x", (0, 11)), ("0.6.6.post1", (0, 6, 6))]
)
def test_versions_are_read_tolerantly(text: str, key: tuple[int, ...]) -> None:
    assert version_key(text) == key


def test_a_version_without_a_number_is_bad_input() -> None:
    with pytest.raises(InputError, match=r"not a vLLM version \(got latest\)"):
        answer(vllm_version="latest")


def test_graphs_are_captured_for_fifty_one_sizes_at_most() -> None:
    assert captured_sizes(1024) == captured_sizes(256) == 51
    assert captured_sizes(128) == 35
    assert captured_sizes(1) == 2
    few = answer(max_num_seqs=1, max_model_len=8192)
    assert few.cuda_graphs_gib_per_gpu < 0.1


# --- the activation peak ---


def test_the_sampler_is_the_peak_of_large_vocabularies() -> None:
    small = answer("codellama/CodeLlama-7b-hf", max_model_len=8192).activation_gib_per_gpu
    large = answer("google/gemma-2-9b-it", max_model_len=8192).activation_gib_per_gpu
    assert large > 3 * small


def test_the_sampler_shrank_in_0_17() -> None:
    before = answer("Qwen/Qwen3-14B", vllm_version="0.16.0").activation_gib_per_gpu
    after = answer("Qwen/Qwen3-14B", vllm_version="0.17.0").activation_gib_per_gpu
    assert before == pytest.approx(5.64, rel=0.02)
    assert after == pytest.approx(2.23, rel=0.03)


def test_qwens_vision_tower_is_profiled_at_its_largest_input() -> None:
    text = answer("Qwen/Qwen3-8B", "L40S", max_model_len=32768).activation_gib_per_gpu
    vision = answer("Qwen/Qwen3-VL-8B-Instruct", "L40S", max_model_len=32768).activation_gib_per_gpu
    assert vision > text + 2


def test_large_batches_of_experts_need_workspace() -> None:
    def peak(tokens: int) -> float:
        return answer(
            "Qwen/Qwen3-30B-A3B", max_num_batched_tokens=tokens, max_model_len=8192
        ).activation_gib_per_gpu

    assert peak(32768) - peak(8192) > 1.4


def test_nvlink_servers_with_hopper_hold_all_reduce_workspaces() -> None:
    linked = answer(tp=2, max_model_len=8192)
    assert linked.non_torch_gib_per_gpu == pytest.approx(2.09)
    apart = answer(tp=2, max_model_len=8192, nvlink=False)
    assert apart.non_torch_gib_per_gpu < 1
    assert answer(max_model_len=8192).non_torch_gib_per_gpu == pytest.approx(0.25)
