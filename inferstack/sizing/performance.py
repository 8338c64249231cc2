"""Throughput and latency of a deployment under a load.

``predict`` puts the step time of one engine (``steptime``) under the asked load (``service``) and states how
far the answer can be trusted (``basis``). Latencies in ms; throughput of all replicas together.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from inferstack.errors import InputError, Problem
from inferstack.sizing.basis import basis_of, intervals
from inferstack.sizing.service import Service, engine_for, played_service, saturation, steady_service
from inferstack.sizing.types import Prediction

if TYPE_CHECKING:
    from inferstack.sizing.types import Deployment, Load


def predict(deployment: Deployment, load: Load, replicas: int = 1) -> Prediction:
    """``replicas`` servers that share the load evenly, data-parallel ranks of each as well.

    With ``load.num_prompts`` the answer is what a benchmark of that many requests reports, its warm-up and
    its tail included; without, or with data-parallel ranks, it is the steady state. An infinite rate
    saturates.

    Raises InputError when the load is not one of concurrency and request rate, a number in it makes no
    sense, the GPU's bandwidth is unknown, or not even one request fits.
    """
    engines = replicas * deployment.data_parallel
    check(deployment, load, engines)
    share = _share(load, engines)
    engine = engine_for(deployment, longest_request(load))
    full = saturation(engine, share)
    played = share.num_prompts is not None and deployment.data_parallel == 1
    service = (played_service if played else steady_service)(engine, share)
    return _prediction(deployment, load, service, full.requests_per_ms * 1e3, engines)


def longest_request(load: Load) -> int:
    """Tokens of the longest request that the cache must hold."""
    prompt = max(load.input_tokens, load.input_tokens_p95 or 0.0)
    return math.ceil(prompt + max(load.output_tokens, load.output_tokens_p95 or 0.0))


def check(deployment: Deployment, load: Load, engines: int) -> None:
    """InputError with everything that is wrong with the question."""
    found = [Problem(message=text) for text in _wrong(deployment, load, engines)]
    if found:
        raise InputError(*found)


def _wrong(deployment: Deployment, load: Load, engines: int) -> list[str]:
    found = []
    if (load.concurrency is None) == (load.request_rate is None):
        found.append("a load needs exactly one of concurrency and request rate")
    if load.concurrency is not None and load.concurrency < 1:
        found.append("concurrency starts at 1")
    if load.request_rate is not None and not load.request_rate > 0:
        found.append("the request rate must be above 0")
    if not (load.input_tokens >= 1 and load.output_tokens >= 0):
        found.append("input tokens start at 1, output tokens at 0")
    if not 0 <= load.shared_prefix <= 1:
        found.append("the shared prefix is a share between 0 and 1")
    if load.num_prompts is not None and load.num_prompts < 1:
        found.append("the number of prompts starts at 1")
    if engines < 1:
        found.append("replicas start at 1")
    found += _wrong_extras(deployment)
    if not deployment.gpu.memory_bandwidth_gb_per_s:
        found.append(f"the memory bandwidth of {deployment.gpu.name} is not known")
    return found


def _wrong_extras(deployment: Deployment) -> list[str]:
    found = []
    speculation, adapters = deployment.speculation, deployment.adapters
    if speculation is not None:
        if deployment.architecture.kind == "encoder":
            found.append("speculative decoding is for models that generate")
        if speculation.tokens < 0 or not 0 <= speculation.acceptance_rate <= 1:
            found.append("speculative tokens start at 0, the acceptance rate is a share between 0 and 1")
        if (speculation.method == "draft_model") != (speculation.draft is not None):
            found.append("a draft model, and nothing else, comes with its architecture")
    if adapters is not None and min(adapters.count, adapters.rank) < 1:
        found.append("the number of adapters and their rank start at 1")
    return found


def _share(load: Load, engines: int) -> Load:
    """What one of ``engines`` gets: at least one request under way, the rate and the prompts divided."""
    if engines == 1:
        return load
    return replace(
        load,
        concurrency=None if load.concurrency is None else max(1, round(load.concurrency / engines)),
        request_rate=None if load.request_rate is None else load.request_rate / engines,
        num_prompts=None if load.num_prompts is None else max(1, round(load.num_prompts / engines)),
    )


def _prediction(
    deployment: Deployment, load: Load, service: Service, full_per_second: float, engines: int
) -> Prediction:
    busy = engines if load.concurrency is None else min(engines, load.concurrency)
    rate = service.requests_per_second * busy
    output_rate = rate * load.output_tokens
    basis = basis_of(deployment)
    prediction = Prediction(
        output_tokens_per_second=output_rate,
        total_tokens_per_second=output_rate + rate * load.input_tokens,
        requests_per_second=rate,
        ttft_ms=service.ttft_ms,
        tpot_ms=service.tpot_ms,
        e2e_ms=service.e2e_ms,
        concurrency=service.running * min(busy, deployment.data_parallel),
        utilization=_utilization(load, service, full_per_second, engines),
        basis=basis,
        saturated=service.saturated or (load.request_rate is not None and math.isinf(load.request_rate)),
    )
    full_output = full_per_second * engines * load.output_tokens
    version = deployment.vllm_version
    speculation = deployment.speculation
    stated = intervals(prediction, load, basis, full_output, version, speculation)
    return replace(prediction, range=stated)


def _utilization(load: Load, service: Service, full_per_second: float, engines: int) -> float:
    """Of the rate at saturation; above 1 where more is asked than can be served."""
    if load.request_rate is not None and not math.isinf(load.request_rate):
        return load.request_rate / engines / full_per_second
    return 1.0 if service.saturated else min(service.requests_per_second / full_per_second, 1.0)
