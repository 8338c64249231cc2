"""Every engine a model could run as, wherever: GPU x weights x KV dtype x cut, ruled and fitted."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Final

from inferstack.catalog.types import Accelerator
from inferstack.sizing.checkpoints import Weights
from inferstack.sizing.data_parallel import copies_cache, rank_budget
from inferstack.sizing.memory import fit
from inferstack.sizing.parallelism import (
    Cut,
    node_cuts,
    pipeline_cuts,
    shared_cuts,
    shared_node_cuts,
    tensor_cuts,
)
from inferstack.sizing.rules import KERNEL_RULES, SPLIT_RULES, KernelCase, SplitCase, judge
from inferstack.sizing.subject import Subject
from inferstack.sizing.types import Adapters, Deployment, Fit, Rejection, Speculation
from inferstack.sizing.vllm_defaults import default_batched_tokens

PINNED_VLLM: Final = "0.33.0"
_SHORT_OF_ROOM: Final = 8.0
"""Requests of full length; with less KV room than this a longer pipeline is worth a look."""
_ROOM_ALONE: Final = 32.0
"""Likewise, for one rank of several that share the experts."""
_NATIVE_FP8: Final = 8.9
_WHOLE_NODE: Final = 8
"""Replicas over several nodes are planned on 8-GPU nodes only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Engine settings that hold for every candidate; None: the plan or vLLM decides."""

    max_model_len: int
    tp: int | None = None
    pp: int | None = None
    data_parallel: int | None = None
    """Ranks that share the experts; 1: none; None: where tensor parallelism copies the KV cache."""
    kv_cache_dtype: str | None = None
    gpu_memory_utilization: float | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    enforce_eager: bool = False
    expert_parallel: bool = False
    prefix_caching: bool = True
    speculation: Speculation | None = None
    adapters: Adapters | None = None


@dataclass(frozen=True, slots=True)
class GpuStock:
    """A GPU and the node sizes it is sold in; equal by the GPU's id, so that fits are shared."""

    gpu: Accelerator = field(compare=False)
    gpu_id: str
    most_gpus: int
    efa_gpus: int
    """GPUs of the largest node with EFA; 0: none."""
    efa_gb_per_s: float = 0.0
    """What such a node sends over the network."""


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One engine that fits. Compared by identity: the same query yields the same objects."""

    gpu: Accelerator
    weights: Weights
    kv_cache_dtype: str
    cut: Cut
    deployment: Deployment
    fit: Fit
    warnings: tuple[str, ...]
    label: str

    @property
    def casts_to_fp16(self) -> bool:
        """A bf16 model on a GPU without bf16: its activations may overflow."""
        support = self.gpu.vllm
        return (
            support is not None and not support.bf16 and self.deployment.architecture.native_dtype == "bf16"
        )

    @property
    def served_as(self) -> str:
        """The format that runs: 32-bit weights load as 16-bit, bf16 as fp16 where the GPU lacks bf16."""
        name = self.weights.quantization
        if self.casts_to_fp16 and name == "bf16":
            return "fp16"
        if name != "fp32":
            return name
        return "fp16" if self.deployment.architecture.kind == "encoder" else "bf16"

    @property
    def tier(self) -> int:
        """Quality tier of the whole engine: a cast to fp16 counts like four bits, it may change answers."""
        return 2 if self.casts_to_fp16 else self.weights.tier

    @property
    def quality_rank(self) -> tuple[int, int]:
        """Lower is closer to what the developer released."""
        return (self.tier, 0 if self.kv_cache_dtype == "auto" else 1)


@dataclass(frozen=True, slots=True)
class Options:
    """What fits, sorted by label, and what was refused before any price was asked for."""

    fitting: tuple[Option, ...]
    rejections: tuple[Rejection, ...]


@functools.lru_cache(maxsize=4096)
def options(subject: Subject, weights: Weights, stock: GpuStock, settings: Settings) -> Options:
    """All engines of ``subject`` with one form of its weights on one GPU model."""
    fitting: list[Option] = []
    rejections: list[Rejection] = []
    for kv_dtype in _kv_dtypes(subject, weights, stock.gpu, settings):
        found = _Builder(subject, stock, settings, weights, kv_dtype)
        found.build()
        fitting += found.fitting
        rejections += found.rejections
    return Options(tuple(fitting), tuple(rejections))


def _kv_dtypes(subject: Subject, weights: Weights, gpu: Accelerator, settings: Settings) -> tuple[str, ...]:
    """``auto``, and FP8 beside weights of at most eight bits, on GPUs that compute in FP8.

    Checkpoints that a developer released in 4 bits keep their own KV dtype: nobody has evaluated more.
    """
    if settings.kv_cache_dtype is not None:
        return (settings.kv_cache_dtype,)
    if subject.architecture.kind == "encoder" or weights.bits > 8 or (weights.tier == 0 and weights.bits < 8):
        return ("auto",)
    return ("auto", "fp8") if gpu.compute_capability >= _NATIVE_FP8 else ("auto",)


class _Builder:
    """The cuts of one (GPU, weights, KV dtype), shortest first."""

    def __init__(
        self, subject: Subject, stock: GpuStock, settings: Settings, weights: Weights, kv_dtype: str
    ) -> None:
        self.subject, self.stock, self.settings = subject, stock, settings
        self.weights, self.kv_dtype = weights, kv_dtype
        self.fitting: list[Option] = []
        self.rejections: list[Rejection] = []
        self._warnings: tuple[str, ...] = ()

    def build(self) -> None:
        verdict = judge(
            KERNEL_RULES,
            KernelCase(
                architecture=self.subject.architecture,
                family=self.subject.family,
                weights=self.weights,
                kv_cache_dtype=self.kv_dtype,
                gpu=self.stock.gpu,
            ),
        )
        if verdict.refused_by is not None:
            label = f"{self.stock.gpu.id} {self._format}"
            self.rejections.append(Rejection(code=verdict.code, candidate=label, reason=verdict.reason))
            return
        self._warnings = verdict.warnings
        self._cut()

    @property
    def _format(self) -> str:
        return _format(self.weights, self.kv_dtype)

    def _cut(self) -> None:
        most = 1 if self.subject.architecture.kind == "encoder" else self.stock.most_gpus
        rooms: dict[Cut, float] = {}
        for cut in filter(self._asked, tensor_cuts(most)):
            rooms[cut] = self._try(cut)
        for cut in filter(self._asked, pipeline_cuts(most) if self._pipelines_help else ()):
            # a pipeline helps where the one half as long was looked at and is short of KV room
            shorter = rooms.get(Cut(cut.tp, cut.pp // 2), math.inf)
            if self.settings.pp is not None or shorter < _SHORT_OF_ROOM:
                rooms[cut] = self._try(cut)
        for cut in filter(self._asked, shared_cuts(most) if self._may_share else ()):
            # where one rank alone has room, independent replicas do the same without waiting for each other
            if self._shares(cut) and rooms.get(Cut(cut.tp), 0.0) < _ROOM_ALONE:
                self._try(cut)
        if not self.fitting and self.stock.efa_gpus >= _WHOLE_NODE:
            for cut in filter(self._asked, node_cuts(self.stock.efa_gpus)):
                if self._try(cut) >= 1.0:
                    break
            self._share_nodes()

    def _share_nodes(self) -> None:
        found = 0
        for cut in filter(self._asked, shared_node_cuts(self.stock.efa_gpus) if self._may_share else ()):
            if found and cut.nodes > found:
                break
            if self._shares(cut) and self._try(cut) >= 1.0:
                found = cut.nodes

    @property
    def _may_share(self) -> bool:
        return self.subject.architecture.moe is not None and self.settings.data_parallel != 1

    def _shares(self, cut: Cut) -> bool:
        return self.settings.data_parallel is not None or copies_cache(
            self.subject.architecture, cut.gpus_per_node
        )

    @property
    def _pipelines_help(self) -> bool:
        return self.settings.pp is not None or not self.stock.gpu.nvlink_gb_per_s_bidirectional

    def _asked(self, cut: Cut) -> bool:
        ranks = self.settings.data_parallel
        asked = ranks is None or cut.dp == ranks
        return asked and self.settings.tp in {None, cut.tp} and self.settings.pp in {None, cut.pp}

    def _try(self, cut: Cut) -> float:
        """Requests of full length that the cut holds; 0 when it was refused."""
        architecture = self.subject.architecture
        verdict = judge(
            SPLIT_RULES,
            SplitCase(
                architecture=architecture,
                weights=self.weights,
                gpu=self.stock.gpu,
                tp=cut.tp,
                pp=cut.pp,
                nodes=cut.nodes,
                expert_parallel=self.settings.expert_parallel or cut.dp > 1,
                dp=cut.dp,
            ),
        )
        label = _label(self.stock.gpu, self.weights, self.kv_dtype, cut)
        if verdict.refused_by is not None:
            self.rejections.append(Rejection(code=verdict.code, candidate=label, reason=verdict.reason))
            return 0.0
        deployment = self._deployment(cut)
        memory = fit(deployment)
        if not memory.fits:
            self.rejections.append(Rejection(code="does-not-fit", candidate=label, reason=memory.reason))
            return 0.0
        warnings = self._warnings + verdict.warnings
        self.fitting.append(
            Option(self.stock.gpu, self.weights, self.kv_dtype, cut, deployment, memory, warnings, label)
        )
        return memory.max_concurrency if architecture.kind != "encoder" else math.inf

    def _deployment(self, cut: Cut) -> Deployment:
        settings = self.settings
        return Deployment(
            model_id=self.subject.id,
            architecture=self.subject.architecture,
            gpu=self.stock.gpu,
            tp=cut.tp,
            pp=cut.pp,
            data_parallel=cut.dp,
            nodes=cut.nodes if cut.dp > 1 else 1,
            node_network_gb_per_s=self.stock.efa_gb_per_s if cut.dp > 1 and cut.nodes > 1 else None,
            quantization=None if self.weights.origin == "native" else self.weights.quantization,
            kv_cache_dtype=None if self.kv_dtype == "auto" else self.kv_dtype,
            gpu_memory_utilization=settings.gpu_memory_utilization,
            max_model_len=settings.max_model_len,
            max_num_seqs=settings.max_num_seqs,
            max_num_batched_tokens=settings.max_num_batched_tokens or self._budget(cut),
            enforce_eager=settings.enforce_eager,
            expert_parallel=settings.expert_parallel or cut.dp > 1,
            vllm_version=PINNED_VLLM,
            prefix_caching=settings.prefix_caching,
            speculation=settings.speculation,
            adapters=settings.adapters,
        )

    def _budget(self, cut: Cut) -> int | None:
        """Prompt tokens a step of one rank; None: vLLM's default."""
        if cut.dp == 1:
            return None
        budget = rank_budget(cut.dp, default_batched_tokens(PINNED_VLLM, self.stock.gpu))
        return max(budget, self.settings.max_num_seqs or 0)  # vLLM refuses fewer tokens than requests


def _format(weights: Weights, kv_dtype: str) -> str:
    return weights.quantization if kv_dtype == "auto" else f"{weights.quantization} kv-{kv_dtype}"


def _label(gpu: Accelerator, weights: Weights, kv_dtype: str, cut: Cut) -> str:
    return f"{gpu.id} {cut} {_format(weights, kv_dtype)}"
