"""KV-cache pools against the tokens and the concurrency that vLLM logged."""

from __future__ import annotations

import pytest

from inferstack.catalog.resolve import resolve_model
from inferstack.sizing.kv import capacity, pool, state_bytes
from inferstack.units import GIB

V19, V24, V33 = (0, 19, 0), (0, 24, 0), (0, 33, 0)


def logged(
    model: str,
    gib: float,
    length: int,
    *,
    version: tuple[int, ...],
    tp: int = 1,
    bytes_: float = 2.0,
    in_flight: int = 8192,
    capability: float = 9.0,
) -> tuple[int, float]:
    a = resolve_model(model).architecture
    pages = pool(a, tp, a.num_layers, bytes_, version, capability)
    found = capacity(pages, gib * GIB, max_model_len=length, in_flight=in_flight, version=version)
    return found.tokens, found.max_concurrency


@pytest.mark.parametrize(
    ("model", "gib", "tp", "tokens", "concurrency"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", 58.11, 1, 476016, 58.11),
        ("meta-llama/Llama-3.1-8B-Instruct", 67.44, 4, 2209792, 269.75),
        ("Qwen/Qwen3-30B-A3B", 56.17, 4, 2454064, 299.57),
        ("google/gemma-2-9b-it", 54.12, 1, 168880, 20.6),
        ("google/gemma-3-4b-it", 62.51, 1, 468144, 57.05),
        ("google/gemma-3-12b-it", 47.72, 1, 130304, 15.88),
        ("google/gemma-3-27b-it", 19.53, 1, 36560, 4.46),
        ("deepseek-ai/DeepSeek-V2-Lite-Chat", 43.61, 1, 1505552, 183.78),
        ("openai/gpt-oss-20b", 66.57, 4, 5817056, 709.4),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", 16.75, 4, 365968, 44.68),
        ("microsoft/phi-2", 69.0, 1, 226112, 27.6),
    ],
)
def test_tokens_and_concurrency_are_those_of_vllm_0_19(
    model: str, gib: float, tp: int, tokens: int, concurrency: float
) -> None:
    found = logged(model, gib, 8192, version=V19, tp=tp)
    # logs round GiB to two decimals
    assert found[0] == pytest.approx(tokens, rel=0.0012)
    assert found[1] == pytest.approx(concurrency, rel=0.0025)


def test_hybrid_states_share_pages_with_attention_as_in_0_24() -> None:
    tokens, concurrency = logged(
        "Qwen/Qwen3.6-35B-A3B", 5.98, 131072, version=V24, bytes_=1.0, capability=12.0
    )
    assert tokens == 567978
    assert concurrency == pytest.approx(4.33, abs=0.005)


def test_hybrid_pages_were_counted_by_attention_tokens_in_0_17() -> None:
    tokens, concurrency = logged("Qwen/Qwen3.5-9B", 2.43, 16384, version=(0, 17, 0), bytes_=1.0)
    assert tokens == 39072
    assert concurrency == pytest.approx(6.82, abs=0.01)


def test_sparse_latent_attention_stores_its_index_keys() -> None:
    tokens, _ = logged(
        "zai-org/GLM-5.2", 50.62, 819200, version=(0, 26, 0), bytes_=1.0, tp=4, capability=10.0
    )
    assert tokens == pytest.approx(1139456, rel=1e-4)


def test_hopper_stores_sparse_latents_with_their_scales() -> None:
    wide = logged("deepseek-ai/DeepSeek-V3.2", 40, 65536, version=V33, bytes_=1.0, capability=9.0)[0]
    slim = logged("deepseek-ai/DeepSeek-V3.2", 40, 65536, version=V33, bytes_=1.0, capability=10.0)[0]
    assert slim / wide == pytest.approx((61 * 656 + 8052) / (61 * 576 + 8052), rel=0.01)


def test_latents_are_not_sharded_by_tensor_parallelism() -> None:
    one = logged("deepseek-ai/DeepSeek-V3", 20, 65536, version=V33, tp=1)
    assert logged("deepseek-ai/DeepSeek-V3", 20, 65536, version=V33, tp=8) == one


def test_fp8_doubles_the_tokens() -> None:
    full = logged("Qwen/Qwen3-8B", 20, 8192, version=V19)[0]
    assert logged("Qwen/Qwen3-8B", 20, 8192, version=V19, bytes_=1.0)[0] == pytest.approx(2 * full, rel=0.001)


def test_before_the_hybrid_allocator_sliding_layers_kept_every_token() -> None:
    old = logged("google/gemma-3-12b-it", 20, 32768, version=(0, 9, 0))[1]
    new = logged("google/gemma-3-12b-it", 20, 32768, version=V19)[1]
    assert new > 1.5 * old


def test_two_batches_in_flight_widen_the_windows_of_recent_versions() -> None:
    before = logged("openai/gpt-oss-20b", 20, 65536, version=(0, 22, 0))[1]
    after = logged("openai/gpt-oss-20b", 20, 65536, version=V33)[1]
    assert after < before


def test_layers_that_reuse_keys_store_none() -> None:
    e4b = resolve_model("google/gemma-4-E4B-it").architecture
    whole = e4b.model_copy(update={"num_kv_shared_layers": None})
    shared = pool(e4b, 1, e4b.num_layers, 2.0, V33, 9.0)
    full = pool(whole, 1, e4b.num_layers, 2.0, V33, 9.0)
    assert shared.bytes_per_block < full.bytes_per_block


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("Qwen/Qwen3.5-27B", 3 * 10240 * 2 + 48 * 128 * 128 * 4),
        ("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 3 * 6144 * 2 + 64 * 64 * 128 * 4),
        ("moonshotai/Kimi-Linear-48B-A3B-Instruct", 3 * 3 * 4096 * 2 + 32 * 128 * 128 * 4),
    ],
)
def test_a_state_is_a_convolution_window_and_a_32_bit_matrix(model: str, expected: int) -> None:
    hybrid = resolve_model(model).architecture.hybrid
    assert hybrid is not None
    assert state_bytes(hybrid, 1) == expected
    assert state_bytes(hybrid, 2) == pytest.approx(expected / 2)


def test_without_prefix_caching_one_state_a_request_is_enough() -> None:
    a = resolve_model("Qwen/Qwen3.6-35B-A3B").architecture
    pages = pool(a, 1, a.num_layers, 2.0, V33, 9.0)

    def held(prefix_caching: bool) -> float:
        return capacity(
            pages, 20 * GIB, max_model_len=8192, in_flight=8192, version=V33, prefix_caching=prefix_caching
        ).max_concurrency

    assert held(False) > held(True)


def test_nothing_is_held_without_memory() -> None:
    a = resolve_model("Qwen/Qwen3-8B").architecture
    found = capacity(
        pool(a, 1, a.num_layers, 2.0, V33, 9.0), -5.0, max_model_len=1024, in_flight=8192, version=V33
    )
    assert (found.blocks, found.tokens, found.max_concurrency) == (0, 0, 0.0)
    assert found.needed_bytes == 1024 * 147456
