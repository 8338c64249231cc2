"""The measured serving runs as questions to the performance model: deployment, load, and what was measured.

What a source does not state is assumed here, in one place: vLLM's defaults of its time, 10 requests per concurrent
client, mean lengths of the data set it names.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from inferstack.catalog.load import load_catalog
from inferstack.catalog.resolve import resolve_model
from inferstack.sizing.basis import FEW
from inferstack.sizing.batch_limits import Limits, limits_for
from inferstack.sizing.constants import Constants, generation
from inferstack.sizing.performance import longest_request
from inferstack.sizing.service import Service, build_engine, played_service
from inferstack.sizing.types import Deployment, Load

FILE = Path(__file__).parent.parent / "data" / "measurements" / "serving_benchmarks.csv"

OTHER_ENGINES = {"TensorRT-LLM": "trtllm", "SGLang": "sglang"}
EXCLUDED = {
    "AutoAWQ": "a loop around generate(), not a server",
    "h100-sxm-x2-glm-4-5-air-bf16-i214.5-o199.8-rinf-sglang": "213 GB of weights cannot be on 2 x 80 GB",
    "h100-sxm-x2-glm-4-5-air-bf16-i214.5-o199.9-rinf-sglang": "213 GB of weights cannot be on 2 x 80 GB",
}
"""Rows (or engines) that measure something else, and why."""

_SHAREGPT = (217.0, 200.0)
_CNN_DAILYMAIL = (870.0, 128.0)
_SHORT_PROMPT = 32.0
_OLD, _LATE_2025, _2026 = "0.6.3", "0.11.0", "0.18.0"
"""vLLM versions of their time, for rows that name none."""
_TRUST = {"A": 1.0, "B": 0.8, "C": 0.5}
# Four rows of one network answer faster than its arithmetic allows; their prompts were probably in the prefix cache.
_SUSPECT = re.compile(r"^h200-sxm-x1-llama-3-1-8b-instruct-fp8-fp8-i")
_SUSPECT_TRUST = 0.2


@dataclass(frozen=True, kw_only=True)
class Case:
    """One measured run. ``None`` where the source states no value."""

    id: str
    group: str
    gpu: str
    model: str
    regime: str
    engine: str
    """A generation of vLLM, trtllm or sglang."""
    deployment: Deployment
    load: Load
    engines: int
    """Independent engines behind the address."""
    offline: bool
    batch: int | None
    """Size of a static batch: all its requests start and decode together."""
    trust: float
    source: str
    output_per_second: float | None
    ttft_ms: float | None
    tpot_ms: float | None
    itl_ms: float | None

    @property
    def data_parallel(self) -> int:
        return self.deployment.data_parallel

    @property
    def is_vllm(self) -> bool:
        return self.engine.startswith("vllm")

    @property
    def saturated(self) -> bool:
        """All prompts at once; a static batch, which was asked for by its size, is not meant."""
        all_at_once = self.load.request_rate is not None and math.isinf(self.load.request_rate)
        return all_at_once and self.batch is None

    @property
    def kind(self) -> str:
        """As ``basis.load_kind``."""
        if self.saturated:
            return "saturated"
        under_way = self.load.concurrency or self.batch
        if under_way is None:
            return "open"
        return "few" if under_way <= FEW else "many"

    def measured(self) -> dict[str, float]:
        """The observables that this run is judged by."""
        found = {
            "output_tokens_per_second": self.output_per_second,
            "ttft_ms": self.ttft_ms,
            "tpot_ms": self.tpot_ms if self.tpot_ms is not None else self.itl_ms,
        }
        return {name: value for name, value in found.items() if value}


def answer(case: Case, constants: Constants, *, as_fitted: bool = False) -> dict[str, float]:
    """What the model says with ``constants``, by observable.

    ``as_fitted``: with the room that ranks sharing experts were given when the constants that ship were fitted.
    Fits that leave rows out must ask what that fit asked, until all constants are fitted anew.
    """
    service = _service(case, constants, as_fitted=as_fitted)
    busy = case.engines * case.data_parallel
    return {
        "output_tokens_per_second": service.requests_per_second * case.load.output_tokens * busy,
        "ttft_ms": service.ttft_ms.mean,
        "tpot_ms": service.tpot_ms.mean if case.tpot_ms is not None else service.itl_ms,
    }


def _service(case: Case, constants: Constants, *, as_fitted: bool) -> Service:
    parts = case.engines * case.data_parallel
    share = replace(
        case.load,
        concurrency=None if case.load.concurrency is None else max(1, round(case.load.concurrency / parts)),
        request_rate=None if case.load.request_rate is None else case.load.request_rate / parts,
        num_prompts=max(1, round((case.load.num_prompts or 1) / parts)),
    )
    longest = longest_request(case.load)
    engine = build_engine(case.deployment, longest, constants, case.engine)
    if as_fitted and case.data_parallel > 1:
        engine = replace(engine, limits=_limits_as_fitted(case, longest, engine.constants.activation_share))
    if case.engine == "trtllm":
        engine = replace(engine, limits=replace(engine.limits, whole_requests=True))
    return played_service(engine, share, offline=case.offline)


def _limits_as_fitted(case: Case, longest: int, activation_share: float) -> Limits:
    """Attention counted as cut over all ranks, which it is not: each holds all of it."""
    deployment, ranks = case.deployment, case.data_parallel
    cut = replace(deployment, tp=deployment.experts_over, data_parallel=1)
    limits = limits_for(cut, longest, activation_share=activation_share)
    tokens = limits.kv_tokens / (1 if deployment.architecture.mla is not None else ranks)
    return replace(limits, kv_tokens=max(tokens, float(longest)))


@cache
def cases() -> tuple[Case, ...]:
    """Every row that the model can be asked about."""
    with FILE.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    return tuple(_case(row) for row in rows if not {row["id"], row["engine"]} & EXCLUDED.keys())


def _case(row: Mapping[str, str]) -> Case:
    notes = row["notes"]
    engine, version = _engine(row)
    prompt, output = _lengths(row)
    static = any(word in notes for word in ("static batch", "latency test", "batch 1,"))
    offline = static or "offline" in row["request_rate"]
    tp, dp, ep = int(row["tp"]), int(row["dp"] or 1), int(row["ep"] or 1)
    shared = ep > tp
    requests = float(row["req_s"]) if row["req_s"] else None
    output_rate = float(row["output_tok_s"]) if row["output_tok_s"] else requests and requests * output
    per_token_includes_ttft = "llmperf" in notes
    return Case(
        id=row["id"],
        group=row["group"],
        gpu=row["gpu"],
        model=row["model"],
        regime=row["regime"],
        engine=engine,
        deployment=replace(
            _deployment(row, version, expert_parallel=ep > 1), data_parallel=dp if shared else 1
        ),
        load=_load(row, prompt, output, static=static),
        engines=1 if shared else dp,
        offline=offline,
        batch=int(row["concurrency"]) if static else None,
        trust=_SUSPECT_TRUST if _SUSPECT.match(row["id"]) and engine == "vllm-v1-async" else _trust(notes),
        source=row["source_type"],
        output_per_second=output_rate or None,
        ttft_ms=float(row["ttft_mean_ms"]) if row["ttft_mean_ms"] else None,
        tpot_ms=float(row["tpot_mean_ms"]) if row["tpot_mean_ms"] else None,
        itl_ms=float(row["itl_mean_ms"]) if row["itl_mean_ms"] and not per_token_includes_ttft else None,
    )


def _trust(notes: str) -> float:
    found = re.search(r"trust=([ABC])", notes)
    assert found is not None
    return _TRUST[found[1]]


def _engine(row: Mapping[str, str]) -> tuple[str, str]:
    """Engine generation, and the vLLM version whose defaults and memory apply."""
    version = row["engine_version"]
    if row["engine"] in OTHER_ENGINES:
        return OTHER_ENGINES[row["engine"]], _LATE_2025
    if re.match(r"0\.\d+", version):
        return generation(version), version
    if version.startswith("nm-vllm") or "2024" in version:
        version = _OLD
    else:
        version = _2026 if row["source_type"] == "aiconfigurator" else _LATE_2025
    return generation(version), version


def _lengths(row: Mapping[str, str]) -> tuple[float, float]:
    """Mean prompt and output tokens; of the data set where only its name is given."""
    prompt = float(row["isl"]) if row["isl"] else None
    output = float(row["osl"]) if row["osl"] else None
    text = row["notes"] + row["lengths_to_assume"]
    named = _CNN_DAILYMAIL if "CNN" in text else _SHAREGPT if "ShareGPT" in text else (_SHORT_PROMPT, 128.0)
    return prompt or named[0], output or named[1]


def _deployment(row: Mapping[str, str], version: str, *, expert_parallel: bool) -> Deployment:
    model, notes, other = row["model"], row["notes"], row["engine"] in OTHER_ENGINES
    quantization = row["weight_quant"]
    cache_dtype = row["kv_dtype"] or None
    quantized = quantization in ("fp8", "nvfp4")
    if (
        cache_dtype in (None, "fp16")
        and quantized
        and (model.startswith("nvidia/") or row["engine"] == "TensorRT-LLM")
    ):
        cache_dtype = "fp8"  # these checkpoints and engines carry FP8 scales for the cache
    sequences = re.search(r"max-num-seqs[ =](\d+)", notes)
    utilization = re.search(r"gpu-memory-utilization (0\.\d+)", notes)
    gpu = "RTX-PRO-6000-WS" if row["gpu"] == "RTXPRO6000" else row["gpu"]
    return Deployment(
        model_id=model,
        architecture=resolve_model(model).architecture,
        gpu=load_catalog().accelerator(gpu),
        tp=int(row["tp"]),
        pp=int(row["pp"]),
        quantization=quantization,
        kv_cache_dtype=cache_dtype,
        gpu_memory_utilization=float(utilization[1]) if utilization else 0.9,
        max_num_seqs=int(sequences[1]) if sequences else 1024 if other else None,
        max_num_batched_tokens=8192 if other else None,
        expert_parallel=expert_parallel,
        vllm_version=version,
    )


def _load(row: Mapping[str, str], prompt: float, output: float, *, static: bool) -> Load:
    concurrency = int(row["concurrency"]) if row["concurrency"] else None
    if "concurrency column = server" in row["notes"]:
        concurrency = None
    prompts = int(row["num_prompts"]) if row["num_prompts"] else None
    if concurrency is not None and not static:
        return Load(
            input_tokens=prompt,
            output_tokens=output,
            concurrency=concurrency,
            num_prompts=prompts or max(10 * concurrency, 20),
        )
    rate = row["request_rate"]
    return Load(
        input_tokens=prompt,
        output_tokens=output,
        request_rate=float(rate) if re.fullmatch(r"[\d.]+", rate) else math.inf,
        num_prompts=concurrency if static else prompts or 1000,
    )
