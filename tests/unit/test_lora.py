"""What LoRA adapters cost: sums by hand for Llama 3.1 8B, whose adapters of rank 16 have 41.9 M elements."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.catalog.resolve import resolve_model
from inferstack.errors import InputError
from inferstack.sizing.constants import generation, load_constants
from inferstack.sizing.lora import LAYER_US, AdapterCost, adapter_widths, adapters_in_step
from inferstack.sizing.memory import fit
from inferstack.sizing.performance import predict
from inferstack.sizing.steptime import StepModel
from inferstack.sizing.types import Adapters, Deployment, Load

MODEL = "meta-llama/Llama-3.1-8B-Instruct"
ATTENTION = (4096 + 4096) + 2 * (4096 + 1024) + (4096 + 4096)
FEED_FORWARD = 2 * (4096 + 14336) + (14336 + 4096)
WIDTHS = 32 * (ATTENTION + FEED_FORWARD)


def deployment(adapters: Adapters | None = None, **fields: object) -> Deployment:
    return Deployment(
        model_id=MODEL,
        architecture=resolve_model(MODEL).architecture,
        gpu=load_catalog().accelerator("H100"),
        adapters=adapters,
        **fields,  # type: ignore[arg-type]
    )


def step_ms(adapters: Adapters | None, decodes: float, prefill: float = 0.0) -> float:
    of, constants = deployment(adapters), load_constants()
    model = StepModel(of, constants, constants.engines[generation(of.vllm_version)])
    return model.step_ms(decodes, decodes * 500, prefill, prefill / 2)


def test_widths_are_in_and_out_of_every_linear() -> None:
    architecture = resolve_model(MODEL).architecture
    assert adapter_widths(architecture, 1) == WIDTHS
    assert 16 * WIDTHS == 41_943_040
    hidden_sides = 32 * 7 * 4096
    assert adapter_widths(architecture, 4) == hidden_sides + (WIDTHS - hidden_sides) / 4


def test_routed_experts_have_no_adapters() -> None:
    moe = resolve_model("Qwen/Qwen3-30B-A3B").architecture
    assert adapter_widths(moe, 1) == 48 * ((2048 + 4096) * 2 + (2048 + 512) * 2)


def test_requests_share_adapters_by_chance() -> None:
    assert adapters_in_step(1, 30) == 1
    assert adapters_in_step(4, 1) == pytest.approx(1)
    assert adapters_in_step(2, 2) == pytest.approx(1.5)
    assert adapters_in_step(8, 1000) == pytest.approx(8)


def test_reading_computing_and_launching_add_up() -> None:
    cost = AdapterCost(2, read_ms=4.0, compute_ms_per_token=0.5, launch_ms=1.0, sharpness=1.0)
    assert cost.step_ms(2, 10) == pytest.approx(1 + 1.5 * 4 + 10 * 0.5)


def test_a_lonely_request_pays_launches_and_one_adapter() -> None:
    extra = step_ms(Adapters(count=1, rank=16), 1) - step_ms(None, 1)
    launch_ms, read_ms = 32 * LAYER_US / 1e3, 2 * 16 * WIDTHS / 3350e6
    assert launch_ms * 0.8 + read_ms < extra < launch_ms * 1.3 + 3 * read_ms


def test_rank_number_and_tokens_cost() -> None:
    base = step_ms(Adapters(count=4, rank=16), 32)
    assert step_ms(Adapters(count=4, rank=64), 32) > base
    assert step_ms(Adapters(count=16, rank=16), 32) > base
    prompt = step_ms(Adapters(count=4, rank=64), 0, 8000) - step_ms(None, 0, 8000)
    assert prompt > 2 * 64 * WIDTHS * 8000 / 989e9


def test_adapters_take_their_memory_from_the_cache() -> None:
    def taken(adapters: Adapters) -> float:
        return fit(deployment()).kv_cache_gib_per_gpu - fit(deployment(adapters)).kv_cache_gib_per_gpu

    assert taken(Adapters(count=8, rank=16)) == pytest.approx(8 * 16 * WIDTHS * 2 / 2**30)
    slots = replace(Adapters(count=8, rank=16), slot_rank=64)
    assert taken(slots) == pytest.approx(8 * 64 * WIDTHS * 2 / 2**30)


def test_no_measurement_has_adapters() -> None:
    load = Load(input_tokens=1000.0, output_tokens=200.0, concurrency=8)
    assert predict(deployment(Adapters(count=1, rank=8)), load).basis == "extrapolated"


def test_nonsense_is_refused() -> None:
    load = Load(input_tokens=1000.0, output_tokens=200.0, concurrency=8)
    with pytest.raises(InputError, match="rank start at 1"):
        predict(deployment(Adapters(count=0, rank=8)), load)
