"""The reached accuracy of `predict` does not get worse unnoticed: shipped constants against measured runs."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from inferstack.sizing.basis import basis_of
from inferstack.sizing.constants import UNMEASURED, generation, load_constants, load_document
from tests.accuracy.serving import Case, answer, cases

OBSERVABLES = ("output_tokens_per_second", "ttft_ms", "tpot_ms")
HELD_OUT = {
    ("tpot_ms", "below"): 0.12,
    ("tpot_ms", "saturated"): 0.16,
    ("ttft_ms", "below"): 0.30,
    ("ttft_ms", "saturated"): 0.25,
    ("output_tokens_per_second", "below"): 0.15,
    ("output_tokens_per_second", "saturated"): 0.20,
}
"""Median absolute errors reached with the run's GPU and model left out of the fit, rounded up."""


@cache
def answers() -> dict[str, dict[str, float]]:
    return {case.id: answer(case, load_constants()) for case in cases() if case.is_vllm}


def errors(name: str, *, saturated: bool) -> list[float]:
    """Absolute relative errors of one observable over vLLM runs."""
    return [
        abs(answers()[case.id][name] / case.measured()[name] - 1)
        for case in cases()
        if case.is_vllm and case.saturated is saturated and name in case.measured()
    ]


@pytest.mark.parametrize("name", OBSERVABLES)
@pytest.mark.parametrize("at", ["below", "saturated"])
def test_code_still_gives_the_errors_that_ship_with_the_constants(name: str, at: str) -> None:
    stated = load_document()["median_errors"]["in_sample"][name][at]
    assert float(np.median(errors(name, saturated=at == "saturated"))) == pytest.approx(stated, abs=0.01)


@pytest.mark.parametrize(("question", "most"), HELD_OUT.items(), ids=str)
def test_held_out_errors_stay_where_they_were(question: tuple[str, str], most: float) -> None:
    name, at = question
    assert load_document()["median_errors"]["one_gpu_and_model_left_out"][name][at] <= most


@pytest.mark.parametrize("name", OBSERVABLES)
def test_stated_range_holds_four_in_five_measurements(name: str) -> None:
    inside = []
    for case in cases():
        if case.is_vllm and name in case.measured():
            low, high = load_document()["errors"][basis_of(case.deployment)][case.kind][name]
            inside.append(low <= math.log(case.measured()[name] / answers()[case.id][name]) <= high)
    assert sum(inside) / len(inside) >= 0.78


def test_every_run_measured_with_vllm_counts_as_measured() -> None:
    assert {basis_of(case.deployment) for case in cases() if case.is_vllm} == {"measured"}


def test_rows_are_read_as_their_notes_say() -> None:
    by_id: dict[str, Case] = {case.id: case for case in cases()}
    assert len(by_id) == len(cases()) == load_document()["rows"]
    offline = by_id["a100-80gb-x1-qwen2-5-0-5b-instruct-bf16-i1-o2048-c1-vllm"]
    assert (offline.offline, offline.batch, offline.load.num_prompts) == (True, 1, 1)
    assert offline.kind == "few"
    shared = by_id["h200-sxm-x8-deepseek-r1-0528-fp8-i1024-o1024-roffline-inf-tensorrt-llm"]
    assert (shared.engines, shared.data_parallel) == (1, 8)


def test_engine_generations_follow_versions() -> None:
    versions = ("0.4.3", "0.8.5", "0.10.2", "0.11.0", "0.12.0", "0.23.0", "0.33.0")
    found = [generation(version) for version in versions]
    assert found == [
        "vllm-v0", "vllm-v1-early", "vllm-v1-early", "vllm-v1-late", "vllm-v1-async", "vllm-v1-async", UNMEASURED,
    ]  # fmt: skip
    assert set(found) <= set(load_constants().engines)


def test_ranks_that_share_experts_are_near_what_tensorrt_llm_measured() -> None:
    """The constants saw these rows with little weight, and with an older account of their memory."""
    found = [case for case in cases() if case.data_parallel > 1]
    assert {case.engine for case in found} == {"trtllm"}
    off = [
        answer(case, load_constants())[name] / measured - 1
        for case in found
        for name, measured in case.measured().items()
    ]
    assert len(off) == 5
    assert float(np.median(np.abs(off))) <= 0.10
    assert max(map(abs, off)) <= 0.20
