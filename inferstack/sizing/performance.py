"""Throughput and latency of a deployment under a load.

``predict`` puts the step time of one engine (``steptime``) under the asked load (``queueing``) and states
how far the answer can be trusted. Latencies in ms; throughput of all replicas together.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from inferstack.errors import InputError, Problem
from inferstack.sizing.constants import engine_generation, load_constants
from inferstack.sizing.queueing import Shape, Steady, steady_state
from inferstack.sizing.steptime import StepModel, kv_element_bytes
from inferstack.sizing.types import Interval, Percentiles, Prediction

if TYPE_CHECKING:
    from inferstack.sizing.types import Deployment, Load


def predict(deployment: Deployment, load: Load, replicas: int = 1) -> Prediction:
    """Steady state of ``replicas`` engines that share the load evenly.

    Raises InputError when the load is not one of concurrency and request rate, or the model leaves no room
    for KV.
    """
    check_load(load)
    constants = load_constants()
    engine = constants.engine(engine_generation(deployment.vllm_version))
    model = StepModel(deployment, constants, engine)
    shape = Shape(
        prompt=load.input_tokens,
        computed=max(load.input_tokens * (1 - load.shared_prefix), 1.0),
        output=max(load.output_tokens, 1.0),
        chunk=deployment.max_num_batched_tokens or 8192,
    )
    limit = _running_limit(deployment, model, shape)
    if limit < 1:
        raise InputError(
            Problem(message=f"{deployment.model_id} does not fit on {deployment.gpus} x {deployment.gpu.id}")
        )
    full = steady_state(model, shape, limit)
    running, overload = _running(model, shape, load, replicas, limit, full)
    state = steady_state(model, shape, running)
    wait_ms = _wait_ms(load, replicas, limit, state, full, overload=overload)
    return _prediction(load, state, full, wait_ms, engine.request_ms, replicas, saturated=overload)


def check_load(load: Load) -> None:
    if (load.concurrency is None) == (load.request_rate is None):
        raise InputError(Problem(message="a load needs exactly one of concurrency and request rate"))


def _running_limit(deployment: Deployment, model: StepModel, shape: Shape) -> float:
    n = model.network
    gpu_bytes = deployment.gpu.cuda_memory_gib * 2**30 * (deployment.gpu_memory_utilization or 0.92)
    total = n.attention_elements + n.dense_elements + n.expert_elements
    bits = (
        4.5
        if deployment.quantization in ("awq", "gptq", "nvfp4", "mxfp4", "int4")
        else 8
        if deployment.quantization == "fp8"
        else 16
    )
    if deployment.quantization is None and deployment.architecture.native_dtype in ("fp8", "mxfp4", "int4"):
        bits = 8 if deployment.architecture.native_dtype == "fp8" else 4.5
    weights = (total * bits / 8 + n.head_elements * 4) / deployment.gpus
    room = gpu_bytes - weights - 2.5 * 2**30
    context = shape.prompt + shape.output / 2
    per_request = (
        n.kv_elements(context) * kv_element_bytes(deployment) / min(deployment.tp, n.kv_heads) / deployment.pp
    )
    return min(room / max(per_request, 1.0), float(deployment.max_num_seqs or 256))


def _running(
    model: StepModel, shape: Shape, load: Load, replicas: int, limit: float, full: Steady
) -> tuple[float, bool]:
    """Requests running in one engine, and whether more are asked than it can serve."""
    if load.concurrency is not None:
        asked = load.concurrency / replicas
        return max(min(asked, limit), min(1.0, asked)), asked > limit
    assert load.request_rate is not None
    rate = load.request_rate / replicas / 1e3
    if rate >= full.requests_per_ms:
        return limit, True
    low, high = 0.0, limit
    for _ in range(24):
        middle = (low + high) / 2
        if steady_state(model, shape, middle).requests_per_ms < rate:
            low = middle
        else:
            high = middle
    return high, False


def _wait_ms(
    load: Load, replicas: int, limit: float, state: Steady, full: Steady, *, overload: bool
) -> float:
    if load.concurrency is not None:
        return max(load.concurrency / replicas - limit, 0.0) / state.requests_per_ms
    if not overload:
        rho = load.request_rate / replicas / 1e3 / full.requests_per_ms if load.request_rate else 0.0
        return state.prefill_ms * state.prefill_load / (2 * (1 - min(rho, 0.98)))
    prompts = (load.num_prompts or 1000) / replicas
    return max(prompts - limit, 0.0) / 2 / full.requests_per_ms


def _prediction(
    load: Load,
    state: Steady,
    full: Steady,
    wait_ms: float,
    request_ms: float,
    replicas: int,
    *,
    saturated: bool,
) -> Prediction:
    ttft = request_ms + wait_ms + state.ttft_ms
    tpot = state.tpot_ms
    output = max(load.output_tokens, 1.0)
    e2e = ttft + (output - 1) * tpot
    rate = state.requests_per_ms * 1e3 * replicas
    output_rate = rate * load.output_tokens
    return Prediction(
        output_tokens_per_second=output_rate,
        total_tokens_per_second=output_rate + rate * load.input_tokens,
        requests_per_second=rate,
        ttft_ms=_spread(ttft, 0.5 if saturated else 0.35),
        tpot_ms=_spread(tpot, 0.08),
        e2e_ms=_spread(e2e, 0.15),
        concurrency=state.running,
        utilization=state.requests_per_ms / full.requests_per_ms,
        basis="interpolated",
        range={
            "output_tokens_per_second": Interval(low=output_rate * 0.75, high=output_rate * 1.25),
            "ttft_ms": Interval(low=ttft * 0.5, high=ttft * 1.7),
            "tpot_ms": Interval(low=tpot * 0.8, high=tpot * 1.25),
        },
        saturated=saturated,
    )


def _spread(mean: float, sigma: float) -> Percentiles:
    """Percentiles of a lognormal with that mean and log-width."""
    median = mean * math.exp(-sigma * sigma / 2)
    return Percentiles(
        mean=mean, p50=median, p95=median * math.exp(1.645 * sigma), p99=median * math.exp(2.326 * sigma)
    )
