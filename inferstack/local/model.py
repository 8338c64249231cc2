"""From a workload to one server on one machine: the same names and answers, none of the fleet."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inferstack.errors import InputError, Problem
from inferstack.local.types import LocalModel
from inferstack.plain_yaml import read_yaml
from inferstack.sizing.extras import asked_ranks
from inferstack.sizing.options import PINNED_VLLM
from inferstack.sizing.parsers import hf_overrides, parsers_of
from inferstack.sizing.subject import subject
from inferstack.sizing.vllm_args import ALL2ALL, ENCODER_TASKS
from inferstack.spec.derive import task_of
from inferstack.units import GIB

if TYPE_CHECKING:
    from inferstack.catalog.load import Catalog
    from inferstack.sizing.subject import Subject
    from inferstack.spec.workload import Workload

DATA: Final = Path(__file__).parent / "data"
CONTEXT: Final = 8192
"""Tokens that a laptop's memory holds beside the weights; a shorter `maxContext` stays."""
_BYTES_PER_WEIGHT: Final = 2


@functools.cache
def images() -> dict[str, str]:
    table: dict[str, Any] = read_yaml(DATA / "images.yaml")
    return {kind: f"{table[kind]}:v{PINNED_VLLM}" for kind in ("gpu", "cpu")}


def local_model(
    workload: Workload, catalog: Catalog, *, gpus: int = 0, stand_in: str | None = None
) -> LocalModel:
    """``stand_in``: another model under the workload's name. InputError where none can be downloaded."""
    own = workload.model.id
    wanted = stand_in or own
    if wanted is None:
        message = "names no repository that could be downloaded"
        raise InputError(
            Problem(message=message, path="model.hfConfig", accepted="model.id as well, or --model ID")
        )
    served = subject(catalog, wanted, None, "auto")
    context = _context(workload, served)
    return LocalModel(
        workload=workload.name,
        model_id=served.id,
        stands_in_for=own or "the model of hfConfig" if stand_in is not None and stand_in != own else None,
        image=images()["gpu" if gpus else "cpu"],
        arguments=_arguments(workload, served, gpus=gpus, context=context, own=stand_in is None),
        context=context,
        gated=bool(served.model is not None and served.model.gated),
        weights_gib=_weights_gib(served),
        gpus=gpus,
        notes=_notes(workload, served, gpus=gpus, own=stand_in is None),
    )


def _context(workload: Workload, served: Subject) -> int:
    bounds = [CONTEXT, workload.model.max_context, served.max_context]
    return min(bound for bound in bounds if bound is not None)


def _weights_gib(served: Subject) -> float | None:
    billions = served.model.total_params_b if served.model is not None else None
    return None if billions is None else billions * 1e9 * _BYTES_PER_WEIGHT / GIB


def _arguments(workload: Workload, served: Subject, *, gpus: int, context: int, own: bool) -> tuple[str, ...]:
    found = [served.id, "--served-model-name", workload.name, "--max-model-len", str(context)]
    revision = workload.model.revision if own else None
    if revision is not None:
        found += ["--revision", revision]
    found += _parallelism(gpus, _ranks(workload, served, gpus=gpus, own=own))
    if not gpus:
        found += ["--dtype", "bfloat16"]
    overrides = hf_overrides(served.family)
    if overrides is not None:
        found += ["--hf-overrides", overrides]
    if _task(workload, served) in ENCODER_TASKS:
        return (*found, "--runner", "pooling")
    return (*found, *_answers(workload, served), *_adapters(workload, own=own))


def _ranks(workload: Workload, served: Subject, *, gpus: int, own: bool) -> int:
    """Data-parallel ranks, where the spec asks for some and the machine's GPUs divide into them."""
    asked = asked_ranks(workload, served.id, served.architecture) if own else None
    return asked if asked is not None and gpus and gpus % asked == 0 else 1


def _parallelism(gpus: int, ranks: int) -> list[str]:
    found = ["--tensor-parallel-size", str(gpus // ranks)] if gpus > ranks else []
    if ranks > 1:
        found += [
            "--data-parallel-size",
            str(ranks),
            "--enable-expert-parallel",
            "--all2all-backend",
            ALL2ALL,
        ]
    return found


def _task(workload: Workload, served: Subject) -> str:
    return task_of(workload, served.model.task if served.model is not None else None)


def _answers(workload: Workload, served: Subject) -> list[str]:
    """What shapes answers: callers rely on it, so it is the same here."""
    parsers, found = parsers_of(served, workload.serving), []
    if parsers.reasoning is not None:
        found += ["--reasoning-parser", parsers.reasoning]
    if parsers.tool_call is not None:
        found += ["--enable-auto-tool-choice", "--tool-call-parser", parsers.tool_call]
    if workload.serving.structured_outputs is not None:
        config = json.dumps({"backend": workload.serving.structured_outputs})
        found += ["--structured-outputs-config", config]
    return found


def _adapters(workload: Workload, *, own: bool) -> list[str]:
    """Adapters of the Hub; they fit only the model they were made for."""
    modules = [
        json.dumps({"name": item.name, "path": item.source}, sort_keys=True)
        for item in workload.model.adapters
        if own and not item.source.startswith("s3://")
    ]
    return ["--enable-lora", "--lora-modules", *modules] if modules else []


def _notes(workload: Workload, served: Subject, *, gpus: int, own: bool) -> tuple[str, ...]:
    found = []
    for item in workload.model.adapters:
        if not own:
            found.append(f"adapter {item.name} is left out: it fits the workload's own model only")
        elif item.source.startswith("s3://"):
            found.append(f"adapter {item.name} is left out: {item.source} is not on this machine")
    if workload.serving.speculative is not None:
        found.append("speculative decoding is left out: it changes speed, not answers")
    ranks = workload.serving.data_parallel
    if ranks != "auto" and ranks > _ranks(workload, served, gpus=gpus, own=own):
        found.append("data-parallel ranks are left out: they change speed, not answers")
    gib = _weights_gib(served)
    if gib is not None:
        found.append(f"the weights take about {gib:.0f} GiB in 16 bits, and the KV cache comes on top")
    return tuple(found)
