"""Planning inside one process, after the catalog is loaded: one workload over everything, then a thousand."""

from __future__ import annotations

import itertools
import json
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from inferstack.catalog.load import load_catalog
from inferstack.errors import BlockedError
from inferstack.sizing.plan import plan_workload
from inferstack.spec.load import parse_workload
from tests.bench.row import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferstack.spec.workload import Workload

AICONFIGURATOR = Path(__file__).parents[1] / "data" / "measurements" / "aiconfigurator.json"
MODELS = (
    "Qwen/Qwen3-8B",
    "Qwen/Qwen3-32B",
    "meta-llama/Llama-3.3-70B-Instruct",
    "meta-llama/Llama-3.1-8B-Instruct",
    "mistralai/Mistral-Small-3.2-24B-Instruct-2506",
    "openai/gpt-oss-20b",
    "openai/gpt-oss-120b",
    "Qwen/Qwen3-30B-A3B-Instruct-2507",
    "microsoft/phi-4",
    "deepseek-ai/DeepSeek-V3-0324",
)


def workload(
    index: int, model: str, requests_per_day: int, input_tokens: int, output_tokens: int
) -> Workload:
    """A workload that may run anywhere and buy capacity in any way."""
    return parse_workload(
        "apiVersion: inferstack/v1\nkind: Workload\n"
        f"name: bench-{index}\nowner: bench\ncostCentre: bench\nmodel: {model}\n"
        f"traffic: {{requestsPerDay: {requests_per_day}, inputTokens: {input_tokens}, outputTokens: {output_tokens}}}\n"
        "slo: {ttftP95: 5s, itlP95: 150ms, availability: 99%}\n"
        "usage: {commercial: true, monthlyActiveUsers: 1000}\n"
        "capacity: {purchase: [on-demand, spot, savings-plan-1y]}\n"
    )


def workloads(count: int) -> list[Workload]:
    """``count`` different workloads, always the same ones."""
    shapes = itertools.product(
        (400, 900, 1500, 2500, 4000), (60, 150, 300, 700), (5_000, 30_000, 90_000, 200_000, 400_000)
    )
    asked = itertools.product(shapes, MODELS)
    return [
        workload(index, model, requests, inputs, outputs)
        for index, ((inputs, outputs, requests), model) in zip(range(count), asked, strict=False)
    ]


def plan_all(specs: list[Workload]) -> float:
    """Seconds to plan all of ``specs``; one that nothing can serve counts like any other."""
    catalog = load_catalog()
    started = time.perf_counter()
    for spec in specs:
        try:
            plan_workload(spec, None, catalog)
        except BlockedError:
            continue
    return time.perf_counter() - started


def sweep_row(own_s: Sequence[float]) -> Row:
    """Against NVIDIA AIConfigurator's sweep of one model on one system, processor time as recorded."""
    sweep = json.loads(AICONFIGURATOR.read_text(encoding="utf-8"))["sweep"]
    factor = sweep["cpu_seconds"] / statistics.median(own_s)
    return Row(
        label=f"that, against AIConfigurator's sweep of one system ({sweep['cpu_seconds']:g} s of processor time)",
        median=f"{factor:.0f} x",
        spread="",
        promised="≥ 50 x",
        kept=factor >= 50,
    )


def in_process_rows() -> list[Row]:
    """The two promises about search speed."""
    specs = workloads(1000)
    plan_all(specs[:20])  # load the tables once
    fresh = [
        workload(5000 + i, MODELS[i % len(MODELS)], 77_000 + i, 1100 + 10 * i, 222 + i) for i in range(5)
    ]
    one = [plan_all([spec]) for spec in fresh]
    return [
        Row.seconds("one workload over the whole catalog, in process", one, 0.05),
        sweep_row(one),
        Row.seconds("1,000 different workloads, in process", [plan_all(specs)], 20.0),
    ]
