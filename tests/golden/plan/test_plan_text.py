"""The text of a plan, byte for byte, from fixed numbers (no prediction takes part)."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path

import pytest

from inferstack.sizing.plan_text import environment_text, workload_text
from inferstack.sizing.types import (
    Candidate,
    EnvironmentPlan,
    Fit,
    Interval,
    LoadTime,
    Percentiles,
    Prediction,
    Rejection,
    ScaleTargets,
    WorkloadPlan,
)

HERE = Path(__file__).parent


def spread(p95: float) -> Percentiles:
    return Percentiles(mean=p95 * 0.6, p50=p95 * 0.5, p95=p95, p99=p95 * 1.3)


def prediction(ttft: float, itl: float, use: float) -> Prediction:
    return Prediction(
        output_tokens_per_second=900.0,
        total_tokens_per_second=5200.0,
        requests_per_second=3.6,
        ttft_ms=spread(ttft),
        tpot_ms=spread(itl),
        e2e_ms=spread(ttft + 250 * itl),
        concurrency=22.0,
        utilization=use,
        basis="interpolated",
        range={
            "output_tokens_per_second": Interval(low=792.0, high=1008.0),
            "ttft_ms": Interval(low=300.0, high=600.0),
        },
    )


FIT = Fit(
    fits=True,
    reason="fits",
    weights_gib_per_gpu=17.1,
    activation_gib_per_gpu=1.2,
    non_torch_gib_per_gpu=0.6,
    cuda_graphs_gib_per_gpu=0.5,
    kv_cache_gib_per_gpu=21.4,
    kv_cache_tokens=280_000,
    max_model_len=16_384,
    max_concurrency=17.09,
    gpu_memory_gib=44.39,
    gpu_memory_utilization=0.92,
    max_num_seqs=256,
    max_num_batched_tokens=2048,
)
CHOSEN = Candidate(
    instance_type="g6e.12xlarge",
    gpu="L40S",
    gpus_per_instance=4,
    region="eu-central-1",
    zones=("euc1-az1", "euc1-az2", "euc1-az3"),
    purchase="on-demand",
    tp=4,
    pp=1,
    quantization="fp8",
    checkpoint="nvidia/Llama-3.3-70B-Instruct-FP8",
    kv_cache_dtype="fp8",
    nodes_per_replica=1,
    replicas_per_node=1,
    replicas_serving=2,
    replicas=3,
    surge_replicas=1,
    nodes=3,
    fit=FIT,
    at_peak=prediction(710, 41, 0.63),
    saturated=prediction(2900, 90, 1.0),
    usd_per_hour=Decimal("39.36"),
    usd_per_month=Decimal("28732.84"),
    usd_per_million_tokens=Decimal("1.9234"),
    usd_per_million_tokens_full=Decimal("0.0612"),
    survives_zone_loss=True,
    survives_node_loss=True,
)
FASTER = dataclasses.replace(
    CHOSEN,
    instance_type="p5.48xlarge",
    gpu="H100",
    gpus_per_instance=8,
    tp=8,
    kv_cache_dtype="auto",
    quantization="bf16",
    nodes=2,
    at_peak=prediction(220, 15, 0.2),
    usd_per_month=Decimal("80358.40"),
)
COMMITTED = dataclasses.replace(CHOSEN, purchase="savings-plan-1y", usd_per_hour=None, usd_per_month=None)
PLAN = WorkloadPlan(
    workload="support-chat",
    model_id="meta-llama/Llama-3.3-70B-Instruct",
    revision=None,
    task="chat",
    served_model_name="support-chat",
    licence="llama3.3",
    developer_country="US",
    params_b=70.55,
    chosen=CHOSEN,
    vllm_args=(("--max-model-len", "16384"),),
    peak_requests_per_second=4.86,
    requests_per_day=120_000,
    input_tokens=1200,
    output_tokens=250,
    slo_ttft_p95_ms=1000,
    slo_itl_p95_ms=60,
    slo_e2e_p95_ms=None,
    slo_availability=0.999,
    min_replicas=2,
    max_replicas=8,
    scale=ScaleTargets(concurrency=20, waiting=1, requests_per_second=1.6),
    load_time=LoadTime(node_s=60, image_s=48, weights_s=24, compile_s=95),
    weights_gib=68.4,
    alternatives=(FASTER, COMMITTED),
    rejections=(
        Rejection(code="does-not-fit", candidate="L4 TP1 bf16", reason="113.56 GiB short"),
        Rejection(code="does-not-fit", candidate="A10G TP1 fp8", reason="49.81 GiB short"),
        Rejection(code="not-sold", candidate="p5.48xlarge", reason="not sold in eu-central-1"),
    ),
    notes=('Llama 3.3: show "Built with Llama"',),
    warnings=("TP4 over PCIe: no custom all-reduce beyond 2 GPUs, latency pays for it",),
)
EMBED = dataclasses.replace(
    PLAN,
    workload="search-embed",
    task="embed",
    chosen=dataclasses.replace(
        CHOSEN,
        instance_type="g6.xlarge",
        gpu="L4",
        gpus_per_instance=1,
        tp=1,
        quantization="fp16",
        kv_cache_dtype="auto",
        replicas=1,
        replicas_serving=1,
        nodes=1,
        surge_replicas=0,
        fit=dataclasses.replace(FIT, kv_cache_tokens=0),
        usd_per_hour=None,
        usd_per_month=None,
        usd_per_million_tokens=None,
        survives_zone_loss=False,
        survives_node_loss=False,
    ),
    slo_ttft_p95_ms=None,
    slo_itl_p95_ms=None,
    slo_e2e_p95_ms=500,
    alternatives=(),
    rejections=(),
    notes=(),
    warnings=(),
)
ENVIRONMENT = EnvironmentPlan(
    environment="prod-eu",
    region="eu-central-1",
    zones=("euc1-az1", "euc1-az2", "euc1-az3"),
    workloads=(PLAN, EMBED),
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("workload", workload_text(PLAN)),
        ("explained", workload_text(PLAN, top=1, explain=True)),
        ("environment", environment_text(ENVIRONMENT, top=0)),
    ],
)
def test_text_is_as_recorded(name: str, text: str, pytestconfig: pytest.Config) -> None:
    file = HERE / f"{name}.txt"
    if pytestconfig.getoption("--update-golden", default=False):
        file.write_text(text + "\n", encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text + "\n"


def test_no_line_is_padded_on_the_right() -> None:
    assert all(line == line.rstrip() for line in environment_text(ENVIRONMENT, explain=True).splitlines())
