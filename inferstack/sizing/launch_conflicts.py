"""Arguments of a spec that the planned engine would refuse to start with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from inferstack.errors import InputError, Problem

if TYPE_CHECKING:
    from inferstack.sizing.query import Feasible

_GATHERING: Final = "allgather_reducescatter"


def check_conflicts(chosen: Feasible, extra: Mapping[str, str]) -> None:
    """InputError with all of them."""
    problems = [*_precision(chosen, extra), *_experts(chosen, extra), *_shared(chosen, extra)]
    if problems:
        raise InputError(*problems)


def _precision(chosen: Feasible, extra: Mapping[str, str]) -> Iterator[Problem]:
    dtype = extra.get("--dtype")
    if chosen.option.casts_to_fp16 and dtype == "bfloat16":
        yield Problem(
            path="serving.vllm.dtype",
            message=f"the plan runs on {chosen.option.gpu.id}, which has no bfloat16",
            value=dtype,
            accepted="half, or leave it out",
        )


def _experts(chosen: Feasible, extra: Mapping[str, str]) -> Iterator[Problem]:
    deployment = chosen.option.deployment
    if "--enable-expert-parallel" in extra and deployment.architecture.moe is None:
        yield Problem(
            path="serving.vllm.enable-expert-parallel",
            message=f"{deployment.model_id} has no experts, and vLLM refuses to start",
            accepted="false, or leave it out",
        )


def _shared(chosen: Feasible, extra: Mapping[str, str]) -> Iterator[Problem]:
    """What vLLM 0.33.0 refuses beside expert parallelism or data-parallel ranks."""
    deployment = chosen.option.deployment
    moe, ranks = deployment.architecture.moe, deployment.data_parallel
    experts = deployment.expert_parallel and moe is not None
    if experts and "--enable-eplb" in extra and moe is not None and moe.num_experts % deployment.experts_over:
        yield Problem(
            path="serving.vllm.enable-eplb",
            message=f"{moe.num_experts} experts do not spread evenly over {deployment.experts_over} GPUs",
            accepted="false, or leave it out",
        )
    if experts and deployment.adapters is not None and "--fully-sharded-loras" in extra:
        yield Problem(
            path="serving.vllm.fully-sharded-loras",
            message="vLLM cuts adapters by whole experts or by rank, not both",
            accepted="false, or leave it out",
        )
    backend = extra.get("--all2all-backend", _GATHERING)
    if experts and deployment.adapters is not None and backend != _GATHERING:
        yield Problem(
            path="serving.vllm.all2all-backend",
            message="vLLM serves adapters of experts with one backend only",
            value=backend,
            accepted=_GATHERING,
        )
    if ranks > 1 and extra.get("--mm-tensor-ipc") == "torch_shm":
        yield Problem(
            path="serving.vllm.mm-tensor-ipc",
            message=f"vLLM cannot use it with {ranks} data-parallel ranks",
            value="torch_shm",
            accepted="direct_rpc, or leave it out",
        )
    if ranks > 1 and "--enable-fault-tolerance" in extra:
        yield Problem(
            path="serving.vllm.enable-fault-tolerance",
            message="it needs a balancer of its own for every data-parallel rank; the server balances itself",
            accepted="false, or leave it out",
        )
