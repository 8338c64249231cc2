"""The launch arguments of the pinned vLLM version that follow from a plan.

Names, weights paths and ports are the service's; ``serving.vllm`` of the spec is passed on, checked against
vLLM's own list when the spec is loaded and against the plan here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from inferstack.errors import InputError, Problem
from inferstack.sizing.demand import Demand
from inferstack.sizing.launch_conflicts import check_conflicts
from inferstack.sizing.query import Feasible

if TYPE_CHECKING:
    from inferstack.spec.engine_settings import Speculative

Arguments = tuple[tuple[str, str], ...]
_LORA_RANKS: Final = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Accepted by ``--max-lora-rank`` in vLLM 0.33."""
DEFAULT_LORA_RANK: Final = 64
ALL2ALL: Final = "allgather_reducescatter"
"""Of vLLM's backends the one that needs no kernels beyond the image's (NCCL)."""
MOST_API_SERVERS: Final = 8
"""Processes that take requests in front of the ranks; vLLM would start one a rank, all on the first node."""
_ONLINE: Final = {"fp8": "fp8_per_tensor"}
"""Plain ``fp8`` no longer quantizes on load (vLLM 0.33.0 quantization/fp8.py raises and names this one)."""
DRAFT_PATH: Final = "/adapters/_draft"
"""Where the service puts the second model of speculative decoding; no adapter can have this name."""
ENCODER_TASKS: Final = frozenset({"embed", "rerank"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchFacts:
    """What the arguments depend on beside the chosen engine."""

    task: str
    tool_call_parser: str | None = None
    reasoning_parser: str | None = None
    hf_overrides: str | None = None
    """Corrections of the model's configuration, JSON."""
    structured_outputs: str | None = None
    speculative: Speculative | None = None
    most_waiting: int | None = None
    """Requests that may wait before more are refused; None: no bound."""
    adapters: int = 0
    adapter_rank: int | None = None
    """Largest LoRA rank; None with adapters: not stated."""
    extra: tuple[tuple[str, object], ...] = ()
    """``serving.vllm``, in file order, without dashes."""


def vllm_arguments(chosen: Feasible, demand: Demand, facts: LaunchFacts) -> Arguments:
    """Flags in launch order; an empty value is a bare flag. InputError where spec and plan disagree."""
    planned = {
        **_memory(chosen, demand),
        **_parallelism(chosen),
        **_precision(chosen),
        **_interface(facts),
        **_guessing(facts),
        **_adapters(facts),
    }
    if facts.most_waiting is not None:
        running = int(planned.get("--max-num-seqs", chosen.option.fit.max_num_seqs))
        running *= chosen.option.fit.ranks  # the other limit is that of a rank
        # it counts those that run too
        planned["--max-num-queued-reqs"] = str(running + facts.most_waiting)
    if facts.hf_overrides is not None:
        planned["--hf-overrides"] = facts.hf_overrides
    extra = dict(_rendered(name, value) for name, value in facts.extra)
    check_conflicts(chosen, extra)
    merged = {name: value for name, value in planned.items() if name not in extra} | extra
    return tuple(merged.items())


def _memory(chosen: Feasible, demand: Demand) -> dict[str, str]:
    fit = chosen.option.fit
    flags = {
        "--max-model-len": str(fit.max_model_len),
        "--gpu-memory-utilization": f"{fit.gpu_memory_utilization:g}",
    }
    most = _most_requests(chosen, demand)
    if most is not None:
        flags["--max-num-seqs"] = str(most)
    if fit.ranks > 1:
        flags["--max-num-batched-tokens"] = str(fit.max_num_batched_tokens)
    return flags


def _most_requests(chosen: Feasible, demand: Demand) -> int | None:
    """Requests of mean length that the KV cache holds, where that is fewer than vLLM would admit.

    Admitting more only makes it preempt; never below what the planned peak runs.
    """
    fit = chosen.option.fit
    tokens = demand.input_tokens + demand.output_tokens
    if fit.kv_cache_tokens <= 0 or tokens <= 0:
        return None
    running = chosen.need.at_peak.concurrency / fit.ranks
    holds = max(int(fit.kv_cache_tokens / tokens), int(running) + 1)
    return holds if holds < fit.max_num_seqs else None


def _parallelism(chosen: Feasible) -> dict[str, str]:
    cut, deployment = chosen.option.cut, chosen.option.deployment
    flags = {"--tensor-parallel-size": str(cut.tp)}
    if cut.pp > 1:
        flags["--pipeline-parallel-size"] = str(cut.pp)
    if cut.dp > 1:
        flags["--data-parallel-size"] = str(cut.dp)
    if cut.dp > 1 and cut.nodes > 1:
        flags["--data-parallel-size-local"] = str(cut.dp // cut.nodes)
    if deployment.expert_parallel:
        flags["--enable-expert-parallel"] = ""
    if cut.dp > 1:
        flags["--all2all-backend"] = ALL2ALL
        flags["--api-server-count"] = str(min(cut.dp, MOST_API_SERVERS))
    return flags


def _precision(chosen: Feasible) -> dict[str, str]:
    """Pre-quantized checkpoints are recognised by vLLM: ``--quantization`` only for what happens on load."""
    option = chosen.option
    flags: dict[str, str] = {}
    if option.casts_to_fp16:
        flags["--dtype"] = "half"
    if option.weights.origin == "online":
        flags["--quantization"] = _ONLINE[option.weights.quantization]
    if option.kv_cache_dtype != "auto":
        flags["--kv-cache-dtype"] = option.kv_cache_dtype
    return flags


def _interface(facts: LaunchFacts) -> dict[str, str]:
    if facts.task in ENCODER_TASKS:
        _refuse_generation(facts)
        return {"--runner": "pooling"}
    flags: dict[str, str] = {}
    if facts.reasoning_parser is not None:
        flags["--reasoning-parser"] = facts.reasoning_parser
    if facts.tool_call_parser is not None:
        flags["--enable-auto-tool-choice"] = ""
        flags["--tool-call-parser"] = facts.tool_call_parser
    return flags


def _refuse_generation(facts: LaunchFacts) -> None:
    """A model that only embeds or ranks writes no tokens that could be guessed or shaped."""
    asked = {"speculative": facts.speculative, "structuredOutputs": facts.structured_outputs}
    problems = [
        Problem(
            path=f"serving.{name}",
            message=f"a model for {facts.task} generates nothing",
            accepted="leave it out",
        )
        for name, value in asked.items()
        if value is not None
    ]
    if problems:
        raise InputError(*problems)


def _guessing(facts: LaunchFacts) -> dict[str, str]:
    flags: dict[str, str] = {}
    if facts.structured_outputs is not None:
        flags["--structured-outputs-config"] = _json({"backend": facts.structured_outputs})
    if facts.speculative is not None:
        asked = facts.speculative
        config: dict[str, object] = {"method": asked.method, "num_speculative_tokens": asked.tokens}
        if asked.draft is not None:
            config["model"] = DRAFT_PATH
        flags["--speculative-config"] = _json(config)
    return flags


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _adapters(facts: LaunchFacts) -> dict[str, str]:
    if not facts.adapters:
        return {}
    asked = facts.adapter_rank or DEFAULT_LORA_RANK
    rank = next(rank for rank in _LORA_RANKS if rank >= asked)
    return {"--enable-lora": "", "--max-loras": str(facts.adapters), "--max-lora-rank": str(rank)}


def _rendered(name: str, value: object) -> tuple[str, str]:
    if value is True:
        return f"--{name}", ""
    if value is False:
        return f"--no-{name}", ""
    if isinstance(value, Mapping):
        return f"--{name}", _json(value)
    if isinstance(value, list | tuple):
        raise InputError(
            Problem(
                path=f"serving.vllm.{name}",
                message="a list cannot be passed as one argument",
                accepted="a text, number, true, false, or a mapping (passed as JSON)",
            )
        )
    return f"--{name}", str(value)
