"""Laws of ranks that share experts, for every mixture and every way to cut it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from inferstack.catalog.load import load_catalog
from inferstack.catalog.resolve import resolve_model
from inferstack.sizing.constants import load_constants
from inferstack.sizing.data_parallel import any_of, longest_of, rank_budget
from inferstack.sizing.memory import checkpoint_gib, fit
from inferstack.sizing.steptime import StepModel
from inferstack.sizing.tensors import layer_elements
from inferstack.sizing.types import Deployment
from inferstack.sizing.weight_formats import Part

MIXTURES = (
    "Qwen/Qwen3-30B-A3B",
    "Qwen/Qwen3-235B-A22B",
    "deepseek-ai/DeepSeek-V2-Lite",
    "deepseek-ai/DeepSeek-V3-0324",
    "openai/gpt-oss-120b",
    "zai-org/GLM-4.5",
)
REPLICATED = (Part.ATTENTION, Part.MIXER, Part.MLP, Part.PLAIN)
few = settings(max_examples=80, deadline=None)


@st.composite
def shared(draw: st.DrawFn) -> Deployment:
    model = draw(st.sampled_from(MIXTURES))
    return Deployment(
        model_id=model,
        architecture=resolve_model(model).architecture,
        gpu=load_catalog().accelerator(draw(st.sampled_from(("H100", "H200", "B200")))),
        tp=draw(st.sampled_from((1, 2, 4))),
        data_parallel=draw(st.sampled_from((2, 4, 8))),
        expert_parallel=draw(st.booleans()),
        max_model_len=draw(st.sampled_from((4096, 32768))),
        max_num_batched_tokens=draw(st.sampled_from((1024, 2048, 8192))),
    )


def step_model(of: Deployment) -> StepModel:
    constants = load_constants()
    return StepModel(of, constants, constants.engines["vllm-newer"])


@few
@given(shared())
def test_experts_of_all_gpus_are_the_checkpoint_and_the_rest_are_copies(d: Deployment) -> None:
    assert d.architecture.moe is not None
    assume(d.architecture.native_dtype != "mxfp4")  # whose kernels pad
    held = layer_elements(
        d.architecture, d.tp, expert_parallel=d.expert_parallel, data_parallel=d.data_parallel
    )
    whole, alone = layer_elements(d.architecture, 1), layer_elements(d.architecture, d.tp)
    together = held[Part.EXPERT] * d.experts_over
    if d.expert_parallel and d.architecture.moe.num_experts % d.experts_over:
        assert together > whole[Part.EXPERT]
    else:
        assert together == pytest.approx(whole[Part.EXPERT])
    assert [held[part] for part in REPLICATED] == [alone[part] for part in REPLICATED]
    assert held[Part.SHARED] in {alone[Part.SHARED], whole[Part.SHARED]}


@few
@given(shared())
def test_a_gpu_holds_less_than_without_sharing_and_more_than_with_attention_cut_too(d: Deployment) -> None:
    alone = fit(replace(d, data_parallel=1, expert_parallel=False)).weights_gib_per_gpu
    assume(d.architecture.num_attention_heads % d.experts_over == 0)
    cut = fit(replace(d, tp=d.experts_over, data_parallel=1)).weights_gib_per_gpu
    mine = fit(d).weights_gib_per_gpu
    assert cut < mine < alone
    read = checkpoint_gib(d, mine)
    assert read < mine * d.gpus
    assert read == pytest.approx(alone * d.tp)


@few
@given(shared())
def test_the_budget_of_a_rank_is_spent_to_the_last_byte(d: Deployment) -> None:
    found = fit(d)
    spent = (
        found.weights_gib_per_gpu
        + found.activation_gib_per_gpu
        + found.non_torch_gib_per_gpu
        + found.cuda_graphs_gib_per_gpu
        + found.kv_cache_gib_per_gpu
    )
    assert spent == pytest.approx(found.gpu_memory_gib * found.gpu_memory_utilization)
    assert found.server_kv_cache_tokens == found.kv_cache_tokens * d.data_parallel


@few
@given(shared())
def test_a_token_takes_as_much_cache_as_in_a_rank_alone(d: Deployment) -> None:
    """Ranks do not cut the cache any further: only how much is left for it differs."""
    roomy = replace(d, gpu=d.gpu.model_copy(update={"cuda_memory_gib": 1000.0}))
    mine, alone = fit(roomy), fit(replace(roomy, data_parallel=1, expert_parallel=False))
    per_token = [found.kv_cache_gib_per_gpu / found.kv_cache_tokens for found in (mine, alone)]
    assert per_token[0] == pytest.approx(per_token[1], rel=1e-3)


@few
@given(shared(), st.integers(1, 256), st.integers(1, 4096), st.floats(0, 1))
def test_a_step_is_as_long_as_its_longest_rank(d: Deployment, decodes: int, prompt: int, part: float) -> None:
    model, context = step_model(d), decodes * 500.0
    longest = model.step_ms(decodes, context, prompt, prompt / 2)
    uneven = model.step_ms(decodes, context, prompt, prompt / 2, prompt * part)
    without = model.step_ms(decodes, context)
    assert without < uneven <= longest


@few
@given(shared(), st.integers(1, 64))
def test_waiting_for_each_other_is_not_free(d: Deployment, decodes: int) -> None:
    """Against ranks that exchange with those that have the experts only, and agree on nothing."""
    constants = load_constants()
    free = StepModel(d, constants, constants.engines["vllm-newer"], all_to_all=True)
    assert step_model(d).step_ms(decodes, decodes * 500.0) > free.step_ms(decodes, decodes * 500.0)


@given(st.integers(2, 32), st.floats(0, 1))
def test_of_several_ranks_one_has_a_prompt_more_often(ranks: int, share: float) -> None:
    assert share <= any_of(ranks, share) + 1e-12
    assert any_of(ranks, share) <= min(1.0, ranks * share) + 1e-12
    assert any_of(1, share) == share
    assert 0 == longest_of(1) < longest_of(ranks) < longest_of(ranks + 1)


@given(st.integers(1, 32), st.integers(256, 16384))
def test_the_prompt_budget_of_a_rank_never_exceeds_the_default(ranks: int, default: int) -> None:
    assert 0 < rank_budget(ranks, default) <= default
